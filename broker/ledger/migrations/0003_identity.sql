-- Which ledger this is: a file that is made anew may get the number (inode) of the one that was removed.
CREATE TABLE identity (
    id TEXT NOT NULL
);
INSERT INTO identity VALUES (hex(randomblob(16)));
