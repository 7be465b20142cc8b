-- A pinned set asked again and compared with the time before.
CREATE TABLE replay (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    use_case TEXT NOT NULL,
    provider TEXT NOT NULL,
    at TEXT NOT NULL,
    before_at TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    run TEXT NOT NULL,
    items INTEGER NOT NULL,
    judged INTEGER NOT NULL,
    accuracy_before REAL,
    accuracy_after REAL,
    lost INTEGER NOT NULL,
    gained INTEGER NOT NULL,
    p_value REAL NOT NULL,
    flipped INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    token_before TEXT NOT NULL,
    token_after TEXT NOT NULL,
    alpha REAL NOT NULL,
    worse INTEGER NOT NULL,
    UNIQUE (use_case, provider, run)
);
