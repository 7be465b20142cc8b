-- Long work that outlives its process. State is written before the step it names is taken, so that whoever comes after a
-- crash knows what may have happened.

-- id: names the job here and at the provider: the key, with a number behind it when an earlier one of this key has ended.
-- key: the same for the same input, options and account. facts: JSON; no content.
-- seq: its attempt's row, from 'submitting' on. worker: the process and call that work on it; NULL: nobody does. wanted_at: when somebody last waited for it.
CREATE TABLE job (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    provider TEXT NOT NULL,
    profile TEXT NOT NULL,
    operation TEXT NOT NULL,
    region TEXT,
    state TEXT NOT NULL,
    call_id TEXT NOT NULL,
    facts TEXT NOT NULL,
    seq INTEGER,
    worker TEXT,
    wanted_at TEXT,
    made_at TEXT NOT NULL,
    changed_at TEXT NOT NULL
);
CREATE INDEX job_key ON job (key);

-- Attempts of jobs stay open while nobody works on them. This writer's name is no host's, so that it is never taken for dead.
INSERT INTO writer (owner, opened_at) VALUES ('(jobs)::', '');
