-- Off switches: one row a scope ('' stands for any), and what happened to them.

-- state: JSON, as broker.quality.switch_state.stored gives it.
CREATE TABLE switch (
    use_case TEXT NOT NULL,
    operation TEXT NOT NULL,
    provider TEXT NOT NULL,
    state TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    PRIMARY KEY (use_case, operation, provider)
) WITHOUT ROWID;

-- The audit trail; rows are never changed. mode: observe or enforce, as it was then.
CREATE TABLE switch_event (
    number INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    use_case TEXT NOT NULL,
    operation TEXT NOT NULL,
    provider TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    rule TEXT NOT NULL,
    actor TEXT NOT NULL,
    text TEXT NOT NULL,
    estimates TEXT NOT NULL,
    mode TEXT NOT NULL
);

-- The window that a scope is in: whether anything was learned in it, and whether it was bad. Of all processes together.
-- number: the second since 2020-01-01 UTC at which it began.
CREATE TABLE switch_window (
    use_case TEXT NOT NULL,
    operation TEXT NOT NULL,
    provider TEXT NOT NULL,
    number INTEGER NOT NULL,
    known INTEGER NOT NULL,
    breached INTEGER NOT NULL,
    PRIMARY KEY (use_case, operation, provider)
) WITHOUT ROWID;
