-- +goose Up

CREATE TABLE configurations (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE filters (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Built-in roles and the default scope tag are no rows: they are always there.
CREATE TABLE role_definitions (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE role_assignments (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Which groups hold a role, so that what one user holds is found by an index.
CREATE TABLE role_members (
    tenant        TEXT NOT NULL,
    group_id      TEXT NOT NULL,
    assignment_id TEXT NOT NULL,
    PRIMARY KEY (tenant, group_id, assignment_id),
    FOREIGN KEY (tenant, assignment_id) REFERENCES role_assignments (tenant, id) ON DELETE CASCADE
);
CREATE INDEX role_members_assignment ON role_members (tenant, assignment_id);

CREATE TABLE scope_tags (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- An owner is a user or an application (by its object identifier).
CREATE TABLE owners (
    tenant   TEXT NOT NULL,
    group_id TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    user_id  TEXT,
    PRIMARY KEY (tenant, group_id, owner_id),
    FOREIGN KEY (tenant, group_id) REFERENCES user_groups (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);
CREATE INDEX owners_user ON owners (tenant, user_id);

-- '' is none: a group need not have an alternate key.
ALTER TABLE user_groups ADD COLUMN unique_name TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX user_groups_unique ON user_groups (tenant, unique_name) WHERE unique_name <> '';

CREATE INDEX members_member ON members (tenant, member_id);

-- '' is not known: the application was saved before there was this column.
ALTER TABLE apps ADD COLUMN object_id TEXT NOT NULL DEFAULT '';
CREATE INDEX apps_object ON apps (tenant, object_id);

-- The record of changes. It is only ever added to, and outlives what it is about.
-- The column at has nanoseconds.
CREATE TABLE audit (
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id     TEXT NOT NULL,
    at     BIGINT NOT NULL,
    kind   TEXT NOT NULL,
    target TEXT NOT NULL,
    doc    TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX audit_at ON audit (tenant, at, id);
CREATE INDEX audit_kind ON audit (tenant, kind, at, id);
CREATE INDEX audit_target ON audit (tenant, target, kind, at, id);
