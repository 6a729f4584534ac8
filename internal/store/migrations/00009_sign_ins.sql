-- +goose Up

-- Old entries of every tenant are swept by their age alone.
CREATE INDEX sign_ins_age ON sign_ins (at);
