-- When calls of a use case were first drawn: those before it are no draws that were lost.
CREATE TABLE begun (
    use_case TEXT PRIMARY KEY,
    at TEXT NOT NULL
) WITHOUT ROWID;
