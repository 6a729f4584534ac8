-- +goose Up

-- What the log is asked for most is found by an index that is in the log's own
-- order. Names are in lower case. code is 0 when access was granted.
ALTER TABLE sign_ins ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
ALTER TABLE sign_ins ADD COLUMN user_name TEXT NOT NULL DEFAULT '';
ALTER TABLE sign_ins ADD COLUMN client_id TEXT NOT NULL DEFAULT '';
ALTER TABLE sign_ins ADD COLUMN correlation_id TEXT NOT NULL DEFAULT '';
ALTER TABLE sign_ins ADD COLUMN code BIGINT NOT NULL DEFAULT 0;
DROP INDEX sign_ins_at;
CREATE INDEX sign_ins_at ON sign_ins (tenant, at, id);
CREATE INDEX sign_ins_user ON sign_ins (tenant, user_id, at, id);
CREATE INDEX sign_ins_name ON sign_ins (tenant, user_name, at, id);
CREATE INDEX sign_ins_client ON sign_ins (tenant, client_id, at, id);
CREATE INDEX sign_ins_correlation ON sign_ins (tenant, correlation_id, at, id);
CREATE INDEX sign_ins_refused ON sign_ins (tenant, at, id) WHERE code <> 0;

-- Entries are documents, so the program fills the columns of older ones, once.
INSERT INTO counters (name, value) VALUES ('sign_ins', 0);

-- Rules are in force until others have a higher revision of the tenant's
-- configuration; kept_at is when this one was first seen.
ALTER TABLE policy_sets ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
