-- Evidence that a switch has taken: a hard breach that is told again, by another process or after a crash, opens nothing more.
CREATE TABLE switch_evidence (
    use_case TEXT NOT NULL,
    operation TEXT NOT NULL,
    provider TEXT NOT NULL,
    evidence TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (use_case, operation, provider, evidence)
) WITHOUT ROWID;
