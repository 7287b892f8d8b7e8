-- A ring of keys for each algorithm, and which of them signs where nothing else is asked for.

DROP INDEX one_active_key;
CREATE UNIQUE INDEX one_active_key ON keys (purpose, algorithm) WHERE state = 'active';

-- An algorithm's name; NULL until a start has said which.
ALTER TABLE issuer ADD COLUMN algorithm TEXT;
UPDATE issuer
SET algorithm = (SELECT algorithm FROM keys WHERE purpose = 'signing' AND state = 'active');
