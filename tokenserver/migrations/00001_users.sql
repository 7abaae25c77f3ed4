-- Times are Unix milliseconds, except revoked_before: Unix seconds, like the claims that it is compared with.

-- +goose Up
CREATE TABLE tokenserver_users (
    resource       TEXT    NOT NULL, -- host of the Communication Services resource
    issuer         TEXT    NOT NULL,
    subject        TEXT    NOT NULL,
    acs_id         TEXT    UNIQUE,   -- NULL: the user has no identity
    created_at     BIGINT  NOT NULL,
    revoked_before BIGINT  NOT NULL DEFAULT 0,
    blocked        BOOLEAN NOT NULL DEFAULT false,
    PRIMARY KEY (resource, issuer, subject)
);

-- What remains to be done at Communication Services.
CREATE TABLE tokenserver_pending (
    acs_id    TEXT    NOT NULL,
    operation TEXT    NOT NULL, -- delete, revoke
    resource  TEXT    NOT NULL,
    due       BIGINT  NOT NULL,
    attempts  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (acs_id, operation)
);
CREATE INDEX tokenserver_pending_due ON tokenserver_pending (resource, due);

-- +goose Down
DROP TABLE tokenserver_pending;
DROP TABLE tokenserver_users;
