-- +goose Up

-- Built-in strengths are no rows: they are always there.
CREATE TABLE authentication_strengths (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE authentication_contexts (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE agreements (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Acceptances are evidence: they outlive agreement, person and device.
CREATE TABLE agreement_acceptances (
    tenant    TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id        TEXT NOT NULL,
    agreement TEXT NOT NULL,
    version   BIGINT NOT NULL,
    user_id   TEXT NOT NULL,
    device    TEXT NOT NULL,
    at        BIGINT NOT NULL,
    doc       TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX agreement_acceptances_user ON agreement_acceptances (tenant, user_id, at);
CREATE INDEX agreement_acceptances_agreement ON agreement_acceptances (tenant, agreement, id);
