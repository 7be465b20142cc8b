-- Budgets, the kind of each attempt, and decisions about attempts whose billing was unknown.

-- kind: why the attempt was made (first, retry, fallback, probe).
-- held: what it counts for in budgets, as JSON [[budget, bucket, amount in 1e-12], …]: reserved while it is open,
-- spent once it is closed.
ALTER TABLE open_attempt ADD COLUMN kind TEXT NOT NULL DEFAULT 'first';
ALTER TABLE open_attempt ADD COLUMN held TEXT NOT NULL DEFAULT '[]';
ALTER TABLE closed_attempt ADD COLUMN kind TEXT NOT NULL DEFAULT 'first';
ALTER TABLE closed_attempt ADD COLUMN held TEXT NOT NULL DEFAULT '[]';

DROP VIEW attempt;
CREATE VIEW attempt AS
SELECT seq, state, call_id, number, kind, day, started_at, provider, profile, service, operation, region,
    tags, currency, bound, unpriced, amount, billed, outcome, error, latency_us, request_id, model_version, held
FROM closed_attempt
UNION ALL
SELECT seq, 'open', call_id, number, kind, day, started_at, provider, profile, service, operation, region,
    tags, currency, bound, unpriced, NULL, 'unknown', NULL, NULL, NULL, NULL, NULL, held
FROM open_attempt WHERE NOT EXISTS (SELECT 1 FROM closed_attempt WHERE closed_attempt.seq = open_attempt.seq);

ALTER TABLE spend RENAME TO spend_before;
CREATE TABLE spend (
    day TEXT NOT NULL,
    tag TEXT NOT NULL,
    provider TEXT NOT NULL,
    profile TEXT NOT NULL,
    operation TEXT NOT NULL,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    amount_rest INTEGER NOT NULL,
    at_risk INTEGER NOT NULL,
    at_risk_rest INTEGER NOT NULL,
    PRIMARY KEY (day, tag, provider, profile, operation, kind, currency)
) WITHOUT ROWID;
INSERT INTO spend SELECT day, tag, provider, profile, operation, 'first', currency, attempts, unknown, unpriced,
    failed, amount, amount_rest, at_risk, at_risk_rest FROM spend_before;
DROP TABLE spend_before;

-- Budgets in force for everybody who uses this ledger. Settings declare them; definition is JSON.
-- cut: how many characters of an ISO time name its calendar window; 0 for a rolling one.
CREATE TABLE budget (
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    cut INTEGER NOT NULL,
    since TEXT NOT NULL
) WITHOUT ROWID;

-- What counts against them, by bucket of time. Amounts are integers of 1e-12 as text, which cannot overflow.
-- counted: spent and reserved together, so that an attempt that costs what it reserved is settled without a write
-- here; what is reserved stands in the rows of open attempts. unknown: the part of it that may not have been billed.
CREATE TABLE budget_use (
    budget TEXT NOT NULL,
    bucket TEXT NOT NULL,
    counted TEXT NOT NULL,
    unknown TEXT NOT NULL,
    PRIMARY KEY (budget, bucket)
) WITHOUT ROWID;

-- What has been notified, once a window: share is a share of the limit, or 'used up'.
CREATE TABLE budget_alarm (
    budget TEXT NOT NULL,
    period TEXT NOT NULL,
    share TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (budget, period, share)
) WITHOUT ROWID;

-- Who decided that an attempt of unknown billing was billed, or was not.
CREATE TABLE decision (
    seq INTEGER NOT NULL,
    at TEXT NOT NULL,
    billed TEXT NOT NULL,
    amount INTEGER,
    reason TEXT NOT NULL
);
