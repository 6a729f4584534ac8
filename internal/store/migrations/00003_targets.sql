-- +goose Up

-- Which policies may be for whom: a row for every app and every inclusion of a
-- policy, so that those of one user and app are found without looking at the
-- others. group_id is '*' for all users. Exclusions and filters have no row: they
-- are asked of the policies that are found. The kind says whose policy it is: 'T'
-- app protection, 'A' app configuration. The groups come first in the key: of an
-- engine that knows nothing of the table yet they are all that it can begin with.
CREATE TABLE targets (
    tenant    TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    kind      TEXT NOT NULL,
    group_id  TEXT NOT NULL,
    app       TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    PRIMARY KEY (group_id, tenant, kind, app, policy_id)
);
-- The policy comes first, so that nobody takes this index for another question.
CREATE INDEX targets_policy ON targets (policy_id, tenant, kind);

-- Policies are documents, so the program fills the table from them, once.
INSERT INTO counters (name, value) VALUES ('targets', 0);

CREATE INDEX apps_sites ON apps (tenant, site_host) WHERE site_host <> '';

-- Each ends in the order of a list, so that a page is read from the index and no
-- engine prefers to walk the primary key.
DROP INDEX registrations_user;
DROP INDEX registrations_device;
CREATE INDEX registrations_user ON registrations (tenant, user_id, id);
CREATE INDEX registrations_device ON registrations (tenant, device_id, id);
CREATE INDEX registrations_app ON registrations (tenant, app, id) WHERE ended_at = 0;
