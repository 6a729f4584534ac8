-- +goose Up

-- What lists and retention look for. A kind that is not written is a wipe.
ALTER TABLE operations ADD COLUMN kind TEXT NOT NULL DEFAULT 'wipe';
ALTER TABLE operations ADD COLUMN state TEXT NOT NULL DEFAULT '';
ALTER TABLE operations ADD COLUMN modified_at BIGINT NOT NULL DEFAULT 0;

-- Inside a JSON string a quotation mark is escaped: only the member matches.
UPDATE operations SET state = CASE
    WHEN doc LIKE '%"State":"pending"%' THEN 'pending'
    WHEN doc LIKE '%"State":"delivered"%' THEN 'delivered'
    WHEN doc LIKE '%"State":"failed"%' THEN 'failed'
    ELSE 'done' END;

-- When an older operation finished is not known here. It is kept for as long as
-- one that is still open: 94 days.
UPDATE operations SET modified_at = requested_at + 8121600000;

CREATE INDEX operations_newest ON operations (tenant, requested_at, id);
CREATE INDEX operations_state ON operations (tenant, state, requested_at, id);
CREATE INDEX operations_finished ON operations (tenant, state, modified_at);

-- The day (of Unix time) on which a registration was heard of last. A day, not
-- an instant: the index changes once a day and not with every check-in. 0 is not
-- known: whoever asks reads the registration.
ALTER TABLE registrations ADD COLUMN seen_day BIGINT NOT NULL DEFAULT 0;
CREATE INDEX registrations_seen ON registrations (tenant, seen_day, id) WHERE ended_at = 0;
CREATE INDEX registrations_ended ON registrations (tenant, ended_at) WHERE ended_at > 0;
