-- Instants are UTC in ISO 8601, days as 2026-11-21, amounts decimal texts; provider is aws or aws:prod.
-- "Digest" and "token" are HMAC-SHA256 under the seed: without it they tell nothing.

CREATE TABLE identity (
    id TEXT NOT NULL
);
INSERT INTO identity VALUES (hex(randomblob(16)));

-- What was made here once and must stay: the seed.
CREATE TABLE secret (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- A sampling design in force from an instant on; a changed one has another version.
CREATE TABLE design (
    use_case TEXT NOT NULL,
    version INTEGER NOT NULL,
    since TEXT NOT NULL,
    settings TEXT NOT NULL,
    PRIMARY KEY (use_case, version)
) WITHOUT ROWID;

-- Every draw, taken or not, counted by what decided it: the weights of later estimates.
CREATE TABLE drawn (
    use_case TEXT NOT NULL,
    provider TEXT NOT NULL,
    model_version TEXT NOT NULL,
    day TEXT NOT NULL,
    design TEXT NOT NULL,
    stratum TEXT NOT NULL,
    probability REAL NOT NULL,
    failed INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    PRIMARY KEY (use_case, provider, model_version, day, design, stratum, probability, failed)
) WITHOUT ROWID;

-- What should have been looked at and was not, by reason.
CREATE TABLE skipped (
    use_case TEXT NOT NULL,
    day TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (use_case, day, reason)
) WITHOUT ROWID;

-- One call that was taken, or one item of a batch (call_id#index), at one provider.
CREATE TABLE sample (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    item TEXT NOT NULL,
    use_case TEXT NOT NULL,
    operation TEXT NOT NULL,
    provider TEXT NOT NULL,
    region TEXT,
    model_version TEXT NOT NULL,
    at TEXT NOT NULL,
    day TEXT NOT NULL,
    tags TEXT NOT NULL,
    design TEXT NOT NULL,
    stratum TEXT NOT NULL,
    probability REAL NOT NULL,
    least REAL NOT NULL,
    u REAL NOT NULL,
    failed INTEGER NOT NULL,
    error TEXT,
    latency REAL NOT NULL,
    cost TEXT,
    currency TEXT,
    empty INTEGER NOT NULL,
    confidence REAL,
    pending INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    agreeing INTEGER NOT NULL,
    input_digest TEXT,
    answer_digest TEXT,
    answer_token TEXT,
    state TEXT NOT NULL,
    until TEXT,
    refer_probability REAL,
    refer_least REAL,
    refer_stratum TEXT,
    UNIQUE (item, provider)
);
CREATE INDEX sample_by_use_case ON sample (use_case, provider, id);
CREATE INDEX sample_by_day ON sample (day);
CREATE INDEX sample_waiting ON sample (use_case, id) WHERE state = 'waiting';

-- What a sample scored against a reference. probability and stratum are those of the way to that reference.
CREATE TABLE score (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sample INTEGER NOT NULL REFERENCES sample (id),
    reference TEXT NOT NULL,
    metric TEXT NOT NULL,
    version INTEGER NOT NULL,
    official INTEGER NOT NULL,
    parts TEXT NOT NULL,
    unit REAL,
    probability REAL NOT NULL,
    least REAL NOT NULL,
    stratum TEXT NOT NULL,
    cluster TEXT,
    at TEXT NOT NULL,
    source TEXT NOT NULL,
    UNIQUE (sample, reference, metric, version)
);

-- The same question to another provider, for a sample.
CREATE TABLE shadow (
    sample INTEGER NOT NULL REFERENCES sample (id),
    provider TEXT NOT NULL,
    at TEXT NOT NULL,
    call_id TEXT,
    model_version TEXT NOT NULL,
    error TEXT,
    latency REAL NOT NULL,
    cost TEXT,
    currency TEXT,
    confidence REAL,
    same INTEGER,
    share REAL,
    answer_token TEXT,
    PRIMARY KEY (sample, provider)
) WITHOUT ROWID;

-- Content, where the settings keep it: part is input, answer, truth, or shadow:PROVIDER.
CREATE TABLE content (
    sample INTEGER NOT NULL REFERENCES sample (id),
    part TEXT NOT NULL,
    kind TEXT NOT NULL,
    value BLOB NOT NULL,
    until TEXT NOT NULL,
    PRIMARY KEY (sample, part)
);
CREATE INDEX content_until ON content (until);

-- Money for shadow calls: a day's bucket, what this day (UTC) came to with what is held, and the dearest one so far.
CREATE TABLE allowance (
    use_case TEXT PRIMARY KEY,
    per_day TEXT NOT NULL,
    remaining TEXT NOT NULL,
    at TEXT NOT NULL,
    day TEXT NOT NULL,
    spent TEXT NOT NULL,
    dearest TEXT NOT NULL
) WITHOUT ROWID;

-- Where the evidence on one stream stands; cursor is the last sample that is in it.
CREATE TABLE evidence (
    use_case TEXT NOT NULL,
    provider TEXT NOT NULL,
    watch TEXT NOT NULL,
    cursor INTEGER NOT NULL,
    since TEXT,
    at TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (use_case, provider, watch)
) WITHOUT ROWID;

CREATE TABLE alarm (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    use_case TEXT NOT NULL,
    provider TEXT NOT NULL,
    watch TEXT NOT NULL,
    at TEXT NOT NULL,
    text TEXT NOT NULL,
    verdict TEXT,
    actor TEXT,
    reason TEXT,
    decided_at TEXT
);

-- Append-only: what was said, when, and by which method.
CREATE TABLE estimate (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    use_case TEXT NOT NULL,
    provider TEXT NOT NULL,
    model_version TEXT,
    estimand TEXT NOT NULL,
    metric TEXT NOT NULL,
    version INTEGER NOT NULL,
    at TEXT NOT NULL,
    since TEXT NOT NULL,
    until TEXT NOT NULL,
    method TEXT NOT NULL,
    point REAL,
    low REAL,
    high REAL,
    level REAL NOT NULL,
    n INTEGER NOT NULL,
    effective_n REAL NOT NULL,
    always_valid INTEGER NOT NULL,
    covered REAL NOT NULL,
    notes TEXT NOT NULL
);
CREATE INDEX estimate_by_use_case ON estimate (use_case, provider, at);
