-- +goose Up

-- Codes that devices without a browser wait with (RFC 8628).
CREATE TABLE device_codes (
    tenant     TEXT   NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id         TEXT   NOT NULL,
    user_hash  TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    revision   BIGINT NOT NULL,
    doc        TEXT   NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, user_hash)
);
CREATE INDEX device_codes_expiry ON device_codes (expires_at);
