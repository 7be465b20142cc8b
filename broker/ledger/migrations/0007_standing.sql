-- What is paid while it stands. What it comes to is reckoned from these rows and the clock; no sum of it is kept.

-- facts: JSON; they never change. prices: JSON, by day; those of days before fixed_to (a day) are never changed.
CREATE TABLE standing (
    name TEXT PRIMARY KEY,
    facts TEXT NOT NULL,
    until TEXT,
    prices TEXT NOT NULL,
    fixed_to TEXT NOT NULL
) WITHOUT ROWID;

-- Moved with every change of the table above, so that others know when to read it anew.
CREATE TABLE standing_state (
    generation INTEGER NOT NULL
);
INSERT INTO standing_state VALUES (0);

-- Who changed what: begun, ended, priced, removed.
CREATE TABLE standing_change (
    at TEXT NOT NULL,
    name TEXT NOT NULL,
    change TEXT NOT NULL,
    before TEXT,
    after TEXT,
    reason TEXT
);
