-- A settlement writes fewer and smaller pages: the sums it moves stand side by side, and charge lines that come again
-- and again are kept once.

-- Spend by day, and units by month, which decide the tier. Of spend, period is the day, tag is '' for the whole or
-- 'key=value', and units is NULL. Of units, period is the month with '~' behind it, which sorts next to the month's last
-- day, so that both are mostly on one page; tag is what is counted, operation, kind and currency are ''.
CREATE TABLE sums (
    period TEXT NOT NULL,
    tag TEXT NOT NULL,
    provider TEXT NOT NULL,
    profile TEXT NOT NULL,
    operation TEXT NOT NULL,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    unknown INTEGER NOT NULL DEFAULT 0,
    unpriced INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    amount INTEGER NOT NULL DEFAULT 0,
    amount_rest INTEGER NOT NULL DEFAULT 0,
    at_risk INTEGER NOT NULL DEFAULT 0,
    at_risk_rest INTEGER NOT NULL DEFAULT 0,
    units TEXT,
    PRIMARY KEY (period, tag, provider, profile, operation, kind, currency)
) WITHOUT ROWID;
INSERT INTO sums SELECT day, tag, provider, profile, operation, kind, currency, attempts, unknown, unpriced, failed,
    amount, amount_rest, at_risk, at_risk_rest, NULL FROM spend;
INSERT INTO sums (period, tag, provider, profile, operation, kind, currency, units)
    SELECT month || '~', sku, substr(account, 1, instr(account, ':') - 1), substr(account, instr(account, ':') + 1),
    '', '', '', units FROM meter;
DROP TABLE spend;
DROP TABLE meter;
CREATE VIEW spend AS
SELECT period AS day, tag, provider, profile, operation, kind, currency, attempts, unknown, unpriced, failed, amount,
    amount_rest, at_risk, at_risk_rest
FROM sums WHERE units IS NULL;
CREATE VIEW meter AS
SELECT substr(period, 1, 7) AS month, provider || ':' || profile AS account, tag AS sku, units
FROM sums WHERE units IS NOT NULL;

-- Charge lines as JSON. An attempt's row has its own, or the number of one here.
CREATE TABLE charge_list (
    number INTEGER PRIMARY KEY,
    lines TEXT NOT NULL UNIQUE
);
DROP VIEW charge;
CREATE VIEW charge AS
SELECT seq AS attempt, json_extract(line.value, '$[0]') AS sku, json_extract(line.value, '$[1]') AS unit,
    json_extract(line.value, '$[2]') AS quantity, json_extract(line.value, '$[3]') AS source,
    json_extract(line.value, '$[4]') AS units, json_extract(line.value, '$[5]') AS amount,
    json_extract(line.value, '$[6]') AS bound, json_extract(line.value, '$[7]') AS price_id
FROM closed_attempt LEFT JOIN charge_list ON charge_list.number = closed_attempt.charges,
    json_each(coalesce(charge_list.lines, closed_attempt.charges)) AS line;
