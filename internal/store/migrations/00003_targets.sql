-- +goose Up

-- Which policies may be for whom: a row for every app and every inclusion of a
-- policy, so that those of one user and app are found without looking at the
-- others. group_id is '*' for all users. Exclusions and filters have no row: they
-- are asked of the policies that are found. The kind says whose policy it is: 'T'
-- app protection, 'A' app configuration.
CREATE TABLE targets (
    tenant    TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    kind      TEXT NOT NULL,
    group_id  TEXT NOT NULL,
    app       TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, group_id, app, policy_id)
);
CREATE INDEX targets_policy ON targets (tenant, kind, policy_id);

-- Policies are documents, so the program fills the table from them, once.
INSERT INTO counters (name, value) VALUES ('targets', 0);

CREATE INDEX apps_sites ON apps (tenant, site_host) WHERE site_host <> '';

-- Users in a group, then their registrations: in the order of a list, page by page.
CREATE INDEX registrations_app ON registrations (tenant, app, id) WHERE ended_at = 0;
