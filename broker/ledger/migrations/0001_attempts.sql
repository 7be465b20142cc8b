-- One row per attempt: written before the request is sent (state open), settled afterwards.
-- Amounts are integers of 1e-12 of the currency; quantities are exact decimals as text.
CREATE TABLE attempt (
    seq INTEGER PRIMARY KEY,
    call_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'unknown')),
    owner TEXT NOT NULL,
    day TEXT NOT NULL,
    started_at TEXT NOT NULL,
    provider TEXT NOT NULL,
    profile TEXT NOT NULL,
    service TEXT NOT NULL,
    operation TEXT NOT NULL,
    region TEXT,
    tags TEXT NOT NULL,
    currency TEXT NOT NULL,
    bound INTEGER,
    amount INTEGER,
    billed TEXT NOT NULL CHECK (billed IN ('yes', 'no', 'unknown')),
    unpriced TEXT,
    outcome TEXT,
    error TEXT,
    latency_us INTEGER,
    request_id TEXT,
    model_version TEXT
);
CREATE INDEX attempt_open ON attempt (owner) WHERE state = 'open';

-- What an attempt was charged for: one row per sku.
CREATE TABLE charge (
    attempt INTEGER NOT NULL REFERENCES attempt (seq),
    sku TEXT NOT NULL,
    unit TEXT NOT NULL,
    quantity TEXT NOT NULL,
    source TEXT NOT NULL,
    units TEXT NOT NULL,
    amount INTEGER,
    bound INTEGER,
    price_id TEXT NOT NULL,
    PRIMARY KEY (attempt, sku)
) WITHOUT ROWID;

-- Sums of settled and unknown attempts, kept in the transaction that settles them. Open attempts are few and
-- are read from their own index. tag is '' for the whole, or 'key=value'. at_risk sums the upper bounds of
-- attempts that may have been billed.
CREATE TABLE spend (
    day TEXT NOT NULL,
    tag TEXT NOT NULL,
    provider TEXT NOT NULL,
    profile TEXT NOT NULL,
    operation TEXT NOT NULL,
    currency TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    at_risk INTEGER NOT NULL,
    PRIMARY KEY (day, tag, provider, profile, operation, currency)
) WITHOUT ROWID;

-- Billing units of the month, which decide the tier.
CREATE TABLE meter (
    month TEXT NOT NULL,
    account TEXT NOT NULL,
    sku TEXT NOT NULL,
    units TEXT NOT NULL,
    PRIMARY KEY (month, account, sku)
) WITHOUT ROWID;
