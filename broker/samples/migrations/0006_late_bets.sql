-- Evidence against a tolerance of before had all its money bet from the first item on. It is kept: half of what bets now; the other
-- half begins with the next item (quality/always.py). Its run gets an id, by which a switch takes it once.
UPDATE evidence SET state = json_set(state, '$.late', json('[0.0, 0.0, 0.0, 0.0, 0.0]'),
    '$.run', coalesce(json_extract(state, '$.run'), lower(hex(randomblob(8)))))
WHERE watch = 'tolerance' AND json_extract(state, '$.purses') IS NOT NULL AND coalesce(json_array_length(state, '$.late'), 0) = 0;
