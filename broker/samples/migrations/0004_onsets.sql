-- Since when the calls have been worse, as the detector estimates it; NULL: not known (label mix, pinned sets, alarms of before).
ALTER TABLE alarm ADD COLUMN onset TEXT;
-- HMAC of the truth's class, as sample.answer_token is that of the answer's: which error it was, without either being kept.
-- NULL: the truth is no one class, or the score is of before.
ALTER TABLE score ADD COLUMN truth_token TEXT;
