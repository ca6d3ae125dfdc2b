-- What statements mean by a term in braces, whatever the database: a line with the term's name
-- stands above it. A term may have others in it. Lines of comment are for readers alone.

-- The states of a job that is not over.
--:active
('queued', 'running', 'cancelling')

-- Those of a job that a worker has.
--:taken
('running', 'cancelling')

-- Until a record's next time, in ms: longer by a part of up to a tenth, which its id decides, so
-- that those that were added together do not all begin together for ever.
--:period
(every + every / 1000 * (id % 100 * 61 % 100))

-- What a Job has, in its order.
--:job_columns
j.id, j.record, j.state, j.revision, j.created, j.started, j.ended, j.due, j.attempts,
       j.max_attempts, j.fetched, j.expected, j.lines, j.worker, j.error

-- Jobs of records that are not removed; a condition follows.
--:jobs
SELECT {job_columns}
  FROM (SELECT * FROM jobs
         WHERE NOT EXISTS (SELECT 1 FROM records WHERE id = jobs.record AND removed > 0)) j

-- Records that are not removed: what a SyncRecord has, in its order, with the latest job; a
-- condition follows.
--:records
SELECT r.id, r.type, r.address, r.name, r.created, r.synced, r.bytes, r.every, r.next,
       {job_columns}
  FROM (SELECT * FROM records WHERE removed = 0) r
  LEFT JOIN jobs j ON j.id = (SELECT max(id) FROM jobs WHERE record = r.id)
