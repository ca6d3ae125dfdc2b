-- The tables of a store: each step makes a version of the one before, and is never changed, but
-- followed by another. An empty line stands between two statements of a step.

--:version_1
CREATE TABLE records (
  id {id},
  type TEXT NOT NULL,
  address TEXT NOT NULL,
  name TEXT NOT NULL,
  created BIGINT NOT NULL,
  synced BIGINT,
  bytes BIGINT NOT NULL DEFAULT 0,
  UNIQUE (type, address));

CREATE TABLE jobs (
  id {id},
  record BIGINT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
  state TEXT NOT NULL,
  revision BIGINT NOT NULL DEFAULT 1,
  created BIGINT NOT NULL,
  started BIGINT,
  ended BIGINT,
  due BIGINT NOT NULL,
  lease BIGINT NOT NULL DEFAULT 0,
  fence BIGINT NOT NULL DEFAULT 0,
  worker TEXT NOT NULL DEFAULT '',
  attempts BIGINT NOT NULL DEFAULT 0,
  fetched BIGINT NOT NULL DEFAULT 0,
  expected BIGINT,
  lines BIGINT NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT '');

-- However many ask at once, a record has one job that is not over.
CREATE UNIQUE INDEX one_active_job ON jobs (record)
  WHERE state IN ('queued', 'running', 'cancelling');

CREATE INDEX active_jobs ON jobs (due, id)
  WHERE state IN ('queued', 'running', 'cancelling');

CREATE INDEX jobs_of_record ON jobs (record, id);

CREATE TABLE log (
  job BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (job, number));

CREATE TABLE parts (
  job BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  number BIGINT NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  complete BIGINT NOT NULL,
  expected BIGINT,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (job, number));

CREATE TABLE pieces (
  job BIGINT NOT NULL,
  part BIGINT NOT NULL,
  start BIGINT NOT NULL,
  bytes {blob} NOT NULL,
  PRIMARY KEY (job, part, start),
  FOREIGN KEY (job, part) REFERENCES parts (job, number) ON DELETE CASCADE);

-- As of when a job's `due` or `lease` holds: one from a time to come was set by a clock that has
-- gone back since, and holds no more.
--:version_2
ALTER TABLE jobs ADD COLUMN since BIGINT NOT NULL DEFAULT 0;

-- What is removed is out of sight at once, and deleted in small steps; a part may have its bytes in
-- common with one of an earlier job.
--:version_3
ALTER TABLE records ADD COLUMN removed BIGINT NOT NULL DEFAULT 0;

CREATE INDEX removed_records ON records (id) WHERE removed > 0;

ALTER TABLE jobs ADD COLUMN max_attempts BIGINT NOT NULL DEFAULT 0;

ALTER TABLE parts ADD COLUMN source BIGINT;

ALTER TABLE parts ADD COLUMN source_part BIGINT;

CREATE INDEX sources ON parts (source, source_part) WHERE source IS NOT NULL;

-- The latest change of each record or of a job of it, also of a record that was removed since.
--:version_4
CREATE TABLE changes (record BIGINT PRIMARY KEY, at BIGINT NOT NULL);

CREATE INDEX changes_at ON changes (at);

{triggers}

-- Records that are synced by themselves, and when they are next.
--:version_5
ALTER TABLE records ADD COLUMN every BIGINT NOT NULL DEFAULT 0;

ALTER TABLE records ADD COLUMN next BIGINT;

CREATE INDEX scheduled ON records (next, every) WHERE next IS NOT NULL;
