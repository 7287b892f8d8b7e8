-- For whom the tokens are that an event can concern, so that a reader of the log can be limited to an audience.

-- The audience; '' is the issuer itself; NULL where it cannot be told, and then every reader is.
ALTER TABLE revocations ADD COLUMN audience TEXT;

-- Since when the client's tokens are for the audience of its settings. Those of before may live on for a while.
ALTER TABLE clients ADD COLUMN audience_since INTEGER NOT NULL DEFAULT 0;
UPDATE clients SET audience_since = unixepoch() * 1000;
