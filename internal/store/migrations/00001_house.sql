-- +goose Up

-- Sealed secrets that all replicas share.
CREATE TABLE sealed_keys (
    name   TEXT PRIMARY KEY,
    sealed BYTEA NOT NULL
);

-- Whoever updates a counter holds its row until commit, so that the order of
-- sequences is the order of commits.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('events', 0), ('founding', 0);

CREATE TABLE events (
    sequence BIGINT PRIMARY KEY,
    tenant   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    at       BIGINT NOT NULL,
    doc      TEXT NOT NULL
);
CREATE INDEX events_at ON events (at);

-- The column tenant repeats id so that one set of queries fits every object.
CREATE TABLE tenants (
    tenant   TEXT NOT NULL UNIQUE,
    id       TEXT PRIMARY KEY,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    CHECK (tenant = id)
);

-- name is the user principal name in lower case.
CREATE TABLE users (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, name)
);

CREATE TABLE credentials (
    tenant   TEXT NOT NULL,
    id       TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, id) REFERENCES users (tenant, id) ON DELETE CASCADE
);

CREATE TABLE user_groups (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX user_groups_name ON user_groups (tenant, name);

-- A member is a user or a group; the column of the other kind is null.
CREATE TABLE members (
    tenant    TEXT NOT NULL,
    group_id  TEXT NOT NULL,
    member_id TEXT NOT NULL,
    user_id   TEXT,
    nested_id TEXT,
    PRIMARY KEY (tenant, group_id, member_id),
    FOREIGN KEY (tenant, group_id) REFERENCES user_groups (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, nested_id) REFERENCES user_groups (tenant, id) ON DELETE CASCADE,
    CHECK ((user_id IS NULL) <> (nested_id IS NULL))
);
CREATE INDEX members_user ON members (tenant, user_id);
CREATE INDEX members_nested ON members (tenant, nested_id);

-- site_host is unique over all tenants: the host alone says which site is meant.
CREATE TABLE apps (
    tenant    TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id        TEXT NOT NULL,
    name      TEXT NOT NULL,
    site_host TEXT NOT NULL,
    revision  BIGINT NOT NULL,
    doc       TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX apps_name ON apps (tenant, name);
CREATE UNIQUE INDEX apps_site_host ON apps (site_host) WHERE site_host <> '';

CREATE TABLE app_uris (
    tenant TEXT NOT NULL,
    uri    TEXT NOT NULL,
    app_id TEXT NOT NULL,
    PRIMARY KEY (tenant, uri),
    FOREIGN KEY (tenant, app_id) REFERENCES apps (tenant, id) ON DELETE CASCADE
);
CREATE INDEX app_uris_app ON app_uris (tenant, app_id);

CREATE TABLE devices (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    jkt      TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX devices_name ON devices (tenant, name);
CREATE UNIQUE INDEX devices_jkt ON devices (tenant, jkt) WHERE jkt <> '';

CREATE TABLE access_policies (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE protection_policies (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE connectors (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE registrations (
    tenant    TEXT NOT NULL,
    id        TEXT NOT NULL,
    user_id   TEXT NOT NULL,
    device_id TEXT NOT NULL,
    app       TEXT NOT NULL,
    ended_at  BIGINT NOT NULL,
    revision  BIGINT NOT NULL,
    doc       TEXT NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, device_id) REFERENCES devices (tenant, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX registrations_alive ON registrations (tenant, user_id, device_id, app) WHERE ended_at = 0;
CREATE INDEX registrations_user ON registrations (tenant, user_id);
CREATE INDEX registrations_device ON registrations (tenant, device_id);

CREATE TABLE operations (
    tenant          TEXT NOT NULL,
    id              TEXT NOT NULL,
    registration_id TEXT NOT NULL,
    requested_at    BIGINT NOT NULL,
    revision        BIGINT NOT NULL,
    doc             TEXT NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, registration_id) REFERENCES registrations (tenant, id) ON DELETE CASCADE
);
CREATE INDEX operations_registration ON operations (tenant, registration_id, requested_at);

CREATE TABLE signals (
    tenant          TEXT NOT NULL,
    registration_id TEXT NOT NULL,
    source          TEXT NOT NULL,
    partner         TEXT NOT NULL,
    doc             TEXT NOT NULL,
    PRIMARY KEY (tenant, registration_id, source, partner),
    FOREIGN KEY (tenant, registration_id) REFERENCES registrations (tenant, id) ON DELETE CASCADE
);
CREATE INDEX signals_partner ON signals (tenant, partner);

CREATE TABLE sessions (
    tenant          TEXT NOT NULL,
    id              TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    cookie_hash     TEXT NOT NULL,
    registration_id TEXT NOT NULL,
    expires_at      BIGINT NOT NULL,
    revoked_at      BIGINT NOT NULL,
    revision        BIGINT NOT NULL,
    doc             TEXT NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);
CREATE INDEX sessions_user ON sessions (tenant, user_id);
CREATE UNIQUE INDEX sessions_cookie ON sessions (tenant, cookie_hash) WHERE cookie_hash <> '';
CREATE INDEX sessions_expires ON sessions (expires_at);

CREATE TABLE flows (
    tenant     TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id         TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    revision   BIGINT NOT NULL,
    doc        TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX flows_expires ON flows (expires_at);

CREATE TABLE codes (
    tenant     TEXT NOT NULL,
    hash       TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    session_id TEXT NOT NULL,
    grant_id   TEXT NOT NULL,
    spent      BOOLEAN NOT NULL,
    expires_at BIGINT NOT NULL,
    doc        TEXT NOT NULL,
    PRIMARY KEY (tenant, hash),
    FOREIGN KEY (tenant, session_id) REFERENCES sessions (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, client_id) REFERENCES apps (tenant, id) ON DELETE CASCADE
);
CREATE INDEX codes_session ON codes (tenant, session_id);
CREATE INDEX codes_client ON codes (tenant, client_id);
CREATE INDEX codes_expires ON codes (expires_at);

CREATE TABLE grants (
    tenant        TEXT NOT NULL,
    id            TEXT NOT NULL,
    client_id     TEXT NOT NULL,
    session_id    TEXT NOT NULL,
    refresh_hash  TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    expires_at    BIGINT NOT NULL,
    revision      BIGINT NOT NULL,
    doc           TEXT NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, session_id) REFERENCES sessions (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, client_id) REFERENCES apps (tenant, id) ON DELETE CASCADE
);
CREATE INDEX grants_session ON grants (tenant, session_id);
CREATE INDEX grants_client ON grants (tenant, client_id);
CREATE UNIQUE INDEX grants_refresh ON grants (tenant, refresh_hash) WHERE refresh_hash <> '';
CREATE INDEX grants_previous ON grants (tenant, previous_hash) WHERE previous_hash <> '';
CREATE INDEX grants_expires ON grants (expires_at);

CREATE TABLE passes (
    hash       TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL,
    site_id    TEXT NOT NULL,
    session_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    doc        TEXT NOT NULL,
    FOREIGN KEY (tenant, session_id) REFERENCES sessions (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, site_id) REFERENCES apps (tenant, id) ON DELETE CASCADE
);
CREATE INDEX passes_session ON passes (tenant, session_id);
CREATE INDEX passes_site ON passes (tenant, site_id);
CREATE INDEX passes_expires ON passes (expires_at);

-- jti is unique to the key that signed the proof, so that nobody can spend
-- another's identifiers.
CREATE TABLE spent_proofs (
    tenant     TEXT NOT NULL,
    jkt        TEXT NOT NULL,
    jti        TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, jkt, jti)
);
CREATE INDEX spent_proofs_expires ON spent_proofs (expires_at);

-- The sign-in log outlives whom it speaks of, apart from the tenant.
CREATE TABLE sign_ins (
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id     TEXT NOT NULL,
    at     BIGINT NOT NULL,
    doc    TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX sign_ins_at ON sign_ins (tenant, at);
