-- What people decided on samples. A truth itself is content and stands there; here is only what tells two of them apart.
-- turn: 1, or 2 for an item that was shown a second time. token: HMAC of the truth; NULL: they could not tell.
CREATE TABLE review (
    sample INTEGER NOT NULL REFERENCES sample (id),
    turn INTEGER NOT NULL,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    token TEXT,
    PRIMARY KEY (sample, turn)
) WITHOUT ROWID;
