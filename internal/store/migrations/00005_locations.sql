-- +goose Up

CREATE TABLE named_locations (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- What was deleted and can come back. The kind is that of the record of changes.
CREATE TABLE deleted_items (
    tenant     TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    id         TEXT NOT NULL,
    deleted_at BIGINT NOT NULL,
    doc        TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);
CREATE INDEX deleted_items_at ON deleted_items (deleted_at);
