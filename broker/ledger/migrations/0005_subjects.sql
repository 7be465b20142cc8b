-- Narrow rows: what attempts have in common stands once, and a row has its number. Views keep the shape of what people
-- query.

-- Who did what where, in which currency, and why. Rows are never changed.
CREATE TABLE subject (
    number INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    profile TEXT NOT NULL,
    service TEXT NOT NULL,
    operation TEXT NOT NULL,
    region TEXT,
    currency TEXT NOT NULL,
    kind TEXT NOT NULL
);
INSERT INTO subject (provider, profile, service, operation, region, currency, kind)
    SELECT provider, profile, service, operation, region, currency, kind FROM open_attempt
    UNION SELECT provider, profile, service, operation, region, currency, kind FROM closed_attempt;

-- As open_attempt was: a slot for each attempt that a writer has in flight.
CREATE TABLE open_slot (
    writer INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    call_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    tags TEXT NOT NULL,
    bound INTEGER,
    unpriced TEXT,
    held TEXT NOT NULL,
    PRIMARY KEY (writer, slot)
) WITHOUT ROWID;
INSERT INTO open_slot SELECT writer, slot, seq, subject.number, call_id, open_attempt.number, started_at, tags, bound,
    unpriced, held
FROM open_attempt JOIN subject USING (provider, profile, service, operation, currency, kind)
WHERE subject.region IS open_attempt.region;

-- As closed_attempt was. An attempt whose process died before it could say how it ended has no outcome.
CREATE TABLE closed_row (
    seq INTEGER PRIMARY KEY,
    subject INTEGER NOT NULL,
    call_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    tags TEXT NOT NULL,
    bound INTEGER,
    unpriced TEXT,
    amount INTEGER,
    billed TEXT NOT NULL CHECK (billed IN ('yes', 'no', 'unknown')),
    outcome TEXT,
    error TEXT,
    latency_us INTEGER,
    request_id TEXT,
    model_version TEXT,
    charges TEXT NOT NULL,
    held TEXT NOT NULL
);
INSERT INTO closed_row SELECT seq, subject.number, call_id, closed_attempt.number, started_at, tags, bound, unpriced,
    amount, billed, outcome, error, latency_us, request_id, model_version, charges, held
FROM closed_attempt JOIN subject USING (provider, profile, service, operation, currency, kind)
WHERE subject.region IS closed_attempt.region;

DROP VIEW attempt;
DROP VIEW charge;
DROP TABLE open_attempt;
DROP TABLE closed_attempt;
CREATE VIEW open_attempt AS
SELECT writer, slot, seq, call_id, open_slot.number AS number, substr(started_at, 1, 10) AS day, started_at, provider,
    profile, service, operation, region, tags, currency, bound, unpriced, kind, held
FROM open_slot LEFT JOIN subject ON subject.number = open_slot.subject;
CREATE VIEW closed_attempt AS
SELECT seq, CASE WHEN outcome IS NULL THEN 'unknown' ELSE 'settled' END AS state, call_id, closed_row.number AS number,
    substr(started_at, 1, 10) AS day, started_at, provider, profile, service, operation, region, tags, currency, bound,
    unpriced, amount, billed, outcome, error, latency_us, request_id, model_version,
    coalesce((SELECT lines FROM charge_list WHERE charge_list.number = charges), charges) AS charges, kind, held
FROM closed_row LEFT JOIN subject ON subject.number = closed_row.subject;
CREATE VIEW attempt AS
SELECT seq, state, call_id, number, kind, day, started_at, provider, profile, service, operation, region,
    tags, currency, bound, unpriced, amount, billed, outcome, error, latency_us, request_id, model_version, held
FROM closed_attempt
UNION ALL
SELECT seq, 'open', call_id, number, kind, day, started_at, provider, profile, service, operation, region,
    tags, currency, bound, unpriced, NULL, 'unknown', NULL, NULL, NULL, NULL, NULL, held
FROM open_attempt WHERE NOT EXISTS (SELECT 1 FROM closed_row WHERE closed_row.seq = open_attempt.seq);
CREATE VIEW charge AS
SELECT closed_attempt.seq AS attempt, json_extract(line.value, '$[0]') AS sku,
    json_extract(line.value, '$[1]') AS unit, json_extract(line.value, '$[2]') AS quantity,
    json_extract(line.value, '$[3]') AS source, json_extract(line.value, '$[4]') AS units,
    json_extract(line.value, '$[5]') AS amount, json_extract(line.value, '$[6]') AS bound,
    json_extract(line.value, '$[7]') AS price_id
FROM closed_attempt, json_each(closed_attempt.charges) AS line;
