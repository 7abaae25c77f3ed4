-- Times are Unix milliseconds, except revoked_before: Unix seconds, like the iat claim that it is compared with.

-- +goose Up
CREATE TABLE users (
    resource       TEXT   NOT NULL, -- host of the Communication Services resource
    issuer         TEXT   NOT NULL,
    subject        TEXT   NOT NULL,
    acs_id         TEXT   UNIQUE,   -- NULL: the user has no identity
    created_at     BIGINT NOT NULL,
    revoked_before BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (resource, issuer, subject)
);

-- What remains to be done at Communication Services.
CREATE TABLE pending (
    acs_id    TEXT    NOT NULL,
    operation TEXT    NOT NULL, -- delete, revoke
    resource  TEXT    NOT NULL,
    due       BIGINT  NOT NULL,
    attempts  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (acs_id, operation)
);
CREATE INDEX pending_due ON pending (resource, due);

-- +goose Down
DROP TABLE pending;
DROP TABLE users;
