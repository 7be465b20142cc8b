-- Amounts are integers of 1e-12 of the currency; quantities are exact decimals as text.

-- Who writes: a ledger opened by a process. Numbers are never used again.
CREATE TABLE writer (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    opened_at TEXT NOT NULL
);

-- Attempts announced before their request is sent, one slot for each that a writer has in flight. A slot is
-- used again after settlement, so a row here is open only while closed_attempt has no row of its seq.
-- seq: the writer's number in the upper 31 bits, its own count in the lower 32.
CREATE TABLE open_attempt (
    writer INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    call_id TEXT NOT NULL,
    number INTEGER NOT NULL,
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
    unpriced TEXT,
    PRIMARY KEY (writer, slot)
) WITHOUT ROWID;

-- Attempts that ended (settled), or whose process died before it could say how (unknown).
CREATE TABLE closed_attempt (
    seq INTEGER PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('settled', 'unknown')),
    call_id TEXT NOT NULL,
    number INTEGER NOT NULL,
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
    unpriced TEXT,
    amount INTEGER,
    billed TEXT NOT NULL CHECK (billed IN ('yes', 'no', 'unknown')),
    outcome TEXT,
    error TEXT,
    latency_us INTEGER,
    request_id TEXT,
    model_version TEXT,
    charges TEXT NOT NULL
);

-- One row per attempt, whatever its state: what people and tests query.
CREATE VIEW attempt AS
SELECT seq, state, call_id, number, day, started_at, provider, profile, service, operation, region,
    tags, currency, bound, unpriced, amount, billed, outcome, error, latency_us, request_id, model_version
FROM closed_attempt
UNION ALL
SELECT seq, 'open', call_id, number, day, started_at, provider, profile, service, operation, region,
    tags, currency, bound, unpriced, NULL, 'unknown', NULL, NULL, NULL, NULL, NULL
FROM open_attempt WHERE NOT EXISTS (SELECT 1 FROM closed_attempt WHERE closed_attempt.seq = open_attempt.seq);

-- What an attempt was charged for: one row per sku. Kept inside the attempt's own row, because each table
-- written to costs its transaction a page.
CREATE VIEW charge AS
SELECT closed_attempt.seq AS attempt, json_extract(line.value, '$[0]') AS sku,
    json_extract(line.value, '$[1]') AS unit, json_extract(line.value, '$[2]') AS quantity,
    json_extract(line.value, '$[3]') AS source, json_extract(line.value, '$[4]') AS units,
    json_extract(line.value, '$[5]') AS amount, json_extract(line.value, '$[6]') AS bound,
    json_extract(line.value, '$[7]') AS price_id
FROM closed_attempt, json_each(closed_attempt.charges) AS line;

-- Sums of closed attempts, kept in the transaction that closes them. tag is '' for the whole, or 'key=value'.
-- at_risk sums the upper bounds of attempts that may have been billed. Both sums are kept in two integers, of
-- 1e-6 of the currency and the rest of 1e-12: one alone would overflow at 9.2 million.
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
    amount_rest INTEGER NOT NULL,
    at_risk INTEGER NOT NULL,
    at_risk_rest INTEGER NOT NULL,
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
