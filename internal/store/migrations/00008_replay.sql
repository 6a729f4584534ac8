-- +goose Up

-- What decisions were made by: rules by their content, for as long as entries of
-- the sign-in log name them.
CREATE TABLE policy_sets (
    tenant  TEXT   NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id      TEXT   NOT NULL,
    kept_at BIGINT NOT NULL,
    doc     TEXT   NOT NULL,
    PRIMARY KEY (tenant, id)
);
