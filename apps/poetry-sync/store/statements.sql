-- The store's longer statements: a line with its name stands above each. For terms in braces see
-- terms.sql and those of each database. Lines of comment are for readers alone.

-- Of the jobs of a record that are not over: whether a worker is at it, who is heard of. Locked, one
-- that waits is not taken before the transaction's end.
--:lock_active_jobs
SELECT id, CASE WHEN state = 'running' AND lease > {now} AND since <= {now} THEN 1 ELSE 0 END
  FROM jobs
 WHERE record = $1 AND state IN {active} {lock};

--:add_record
INSERT INTO records (type, address, name, created)
VALUES ($1, $2, $3, {now})
    ON CONFLICT (type, address) DO NOTHING
RETURNING id;

--:cancel_jobs_of_record
UPDATE jobs
   SET state = 'cancelled', ended = {now}, fence = fence + 1, revision = revision + 1
 WHERE record = $1 AND state IN {active};

-- Its address may be added anew.
--:remove_record
UPDATE records
   SET removed = {now}, next = NULL, address = 'removed ' || id || ' ' || address
 WHERE id = $1;

--:records_after
{records}
 WHERE r.id > $1 AND ($3 = '' OR coalesce(j.state, 'new') = $3)
   AND (lower(r.name) LIKE lower($2) ESCAPE '!' OR lower(r.address) LIKE lower($2) ESCAPE '!')
 ORDER BY r.id LIMIT $4;

--:records_changed
{records}
 WHERE r.id IN (SELECT record FROM changes WHERE {changed})
 ORDER BY r.id;

--:records_gone
SELECT record FROM changes
 WHERE {changed}
   AND NOT EXISTS (SELECT 1 FROM records WHERE id = record AND removed = 0);

-- A job that is not over begins anew. Who is at it all the same, and was not heard of for a while or
-- told to stop, has lost it.
--:begin_active_job_anew
UPDATE jobs
   SET fence = fence + 1, revision = revision + 1, fetched = 0, expected = NULL
 WHERE record = $1 AND state IN {active};

--:forget_active_parts
DELETE FROM parts
 WHERE job IN (SELECT id FROM jobs WHERE record = $1 AND state IN {active});

--:edit_record
UPDATE records
   SET name = $2, address = $3
 WHERE id = $1
   AND NOT EXISTS (SELECT 1 FROM records WHERE id <> $1 AND type = $4 AND address = $3)
RETURNING id;

-- SQLite does not write what is there already.
--:try_to_write
INSERT INTO changes (record, at)
VALUES (0, {horizon} + 1)
    ON CONFLICT (record) DO UPDATE SET at = excluded.at;

-- What nobody works on ends at once.
--:cancel_idle_job
UPDATE jobs
   SET revision = revision + 1, ended = {now}, state = 'cancelled', fence = fence + 1
 WHERE id = $1 AND state IN {active}
   AND (state = 'queued' OR lease <= {now} OR since > {now});

-- Who works on it sees that with the next write.
--:cancel_running_job
UPDATE jobs
   SET revision = revision + 1, state = 'cancelling'
 WHERE id = $1 AND state = 'running';

--:log_after
SELECT number, at, text FROM log
 WHERE job = $1 AND number > $2 AND lower(text) LIKE lower($4) ESCAPE '!'
 ORDER BY number LIMIT $3;

-- A time further away than any period was set by a clock that has gone back since.
--:records_due
SELECT id FROM records
 WHERE next IS NOT NULL AND (next <= {now} OR next > {now} + every * 2)
 ORDER BY id LIMIT 100

--:set_next
UPDATE records
   SET next = {period} + CASE WHEN next > {now} - {period} AND next <= {now} THEN next
                              ELSE {now} END
 WHERE id = $1;

-- Of jobs that are over, whose bytes are no later part's; of one that is removed, or of those before
-- the last two that were done and before the latest.
--:parts_to_prune
SELECT p.job, p.number
  FROM parts p JOIN jobs j ON j.id = p.job
 WHERE j.record = $1 AND j.state NOT IN {active}
   AND ($2 = 1 OR (j.id < (SELECT max(id) FROM jobs WHERE record = $1)
                   AND j.id NOT IN (SELECT id FROM jobs WHERE record = $1 AND state = 'done'
                                     ORDER BY id DESC LIMIT 2)))
   AND NOT EXISTS (SELECT 1 FROM parts q WHERE q.source = p.job AND q.source_part = p.number)
 LIMIT $3;

--:prune_pieces
DELETE FROM pieces
 WHERE job = $1 AND part = $2
   AND start IN (SELECT start FROM pieces WHERE job = $1 AND part = $2 LIMIT $3)
RETURNING start;

-- The oldest that is not kept.
--:job_to_prune
SELECT id FROM jobs
 WHERE record = $1 AND state NOT IN {active}
   AND NOT EXISTS (SELECT 1 FROM parts WHERE job = jobs.id)
   AND ($2 = 1 OR (id < (SELECT max(id) FROM jobs WHERE record = $1)
                   AND ((CAST($3 AS BIGINT) > 0 AND ended < {now} - CAST($3 AS BIGINT))
                        OR id NOT IN (SELECT id FROM jobs
                                       WHERE record = $1 AND state NOT IN {active}
                                       ORDER BY id DESC LIMIT $4))))
 ORDER BY id LIMIT 1;

--:prune_log
DELETE FROM log
 WHERE job = $1
   AND number IN (SELECT number FROM log WHERE job = $1 ORDER BY number LIMIT $2)
RETURNING number;

--:put_part
INSERT INTO parts (job, number, name, address, bytes, complete, expected, sha256, source, source_part)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (job, number) DO UPDATE
   SET name = excluded.name, address = excluded.address, bytes = excluded.bytes,
       complete = excluded.complete, expected = excluded.expected, sha256 = excluded.sha256;

-- The last piece, where it goes on beyond $3.
--:cut_last_piece
UPDATE pieces
   SET bytes = substr(bytes, 1, CAST($3 - start AS INTEGER))
 WHERE job = $1 AND part = $2
   AND start = (SELECT max(start) FROM pieces WHERE job = $1 AND part = $2)
   AND start + length(bytes) > $3;

--:renew_lease
UPDATE jobs
   SET lease = {now} + $3, since = {now}, revision = revision + $5, lines = coalesce($6, lines) + $4
 WHERE id = $1 AND fence = $2 AND state IN {taken}
RETURNING state, lines, {now};

--:count_fetched
UPDATE jobs
   SET expected = coalesce($2, expected),
       fetched = (SELECT coalesce(sum(bytes), 0) FROM parts WHERE job = $1)
 WHERE id = $1;

--:job_to_take
SELECT id FROM jobs
 WHERE state IN {active}
   AND (CASE WHEN state = 'queued' THEN due ELSE lease END <= {now} OR since > {now})
 ORDER BY due, id LIMIT 1 {skip_taken};

--:take_job
UPDATE jobs
   SET state = CASE WHEN state = 'cancelling' THEN state ELSE 'running' END,
       attempts = attempts + 1, max_attempts = $4, started = coalesce(started, {now}),
       fence = fence + 1, revision = revision + 1, worker = $2, lease = {now} + $3, since = {now}
 WHERE id = $1
RETURNING fence, {now};

--:next_due
SELECT min(at) - {now}
  FROM (SELECT CASE WHEN since > {now} THEN {now} WHEN state = 'queued' THEN due ELSE lease END AS at
          FROM jobs WHERE state IN {active}
         UNION ALL
        SELECT next FROM records WHERE next IS NOT NULL) AS waiting;

--:stored_bytes
SELECT substr(bytes, CAST($3 - start + 1 AS INTEGER), CAST($4 AS INTEGER)) FROM pieces
 WHERE job = (SELECT coalesce(source, job) FROM parts WHERE job = $1 AND number = $2)
   AND part = (SELECT coalesce(source_part, number) FROM parts WHERE job = $1 AND number = $2)
   AND start <= $3 AND start + length(bytes) > $3
 ORDER BY start DESC LIMIT 1;

--:end_attempt
UPDATE jobs
   SET state = $3, error = $4, due = {now} + $5, since = {now}, fence = fence + 1,
       revision = revision + 1, lease = 0,
       ended = CASE WHEN $3 = 'queued' THEN NULL ELSE {now} END
 WHERE id = $1 AND fence = $2;

--:record_is_synced
UPDATE records
   SET synced = {now}, bytes = (SELECT fetched FROM jobs WHERE id = $1)
 WHERE id = (SELECT record FROM jobs WHERE id = $1);

--:give_back
UPDATE jobs
   SET lease = 0, attempts = attempts - 1
 WHERE id = $1 AND fence = $2 AND state IN {taken};
