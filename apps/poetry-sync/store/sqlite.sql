-- The terms of statements that mean something else in each database, as SQLite has them.

-- A table's id, which is never used twice.
--:id
INTEGER PRIMARY KEY AUTOINCREMENT

-- The type of bytes.
--:blob
BLOB

-- The database's clock, in ms since 1970.
--:now
CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)

-- Behind a SELECT: locks its rows until the transaction's end. There is one writer at a time.
--:lock

-- The same, and passes over those that others have locked.
--:skip_taken

-- A statement that gives some of what was deleted back.
--:reclaim
PRAGMA incremental_vacuum(2000)

-- A table whose column `value` has what a JSON array in $1 has.
--:ids
json_each($1)

-- A condition: `at` in `changes` may be news since the horizon $1.
--:changed
at > $1

-- Whatever is older, this transaction sees.
--:horizon
(SELECT coalesce(max(at), 0) FROM changes)

-- A statement that lets one transaction after the other pass.
--:alone

-- Statements that have every change noted in `changes`.
--:triggers
CREATE TRIGGER INSERT_records AFTER INSERT ON records BEGIN
  INSERT OR REPLACE INTO changes (record, at)
    VALUES (NEW.id, (SELECT coalesce(max(at), 0) + 1 FROM changes));
END;

CREATE TRIGGER UPDATE_records AFTER UPDATE ON records BEGIN
  INSERT OR REPLACE INTO changes (record, at)
    VALUES (NEW.id, (SELECT coalesce(max(at), 0) + 1 FROM changes));
END;

CREATE TRIGGER DELETE_records AFTER DELETE ON records BEGIN
  INSERT OR REPLACE INTO changes (record, at)
    VALUES (OLD.id, (SELECT coalesce(max(at), 0) + 1 FROM changes));
END;

CREATE TRIGGER INSERT_jobs AFTER INSERT ON jobs BEGIN
  INSERT OR REPLACE INTO changes (record, at)
    VALUES (NEW.record, (SELECT coalesce(max(at), 0) + 1 FROM changes));
END;

CREATE TRIGGER UPDATE_jobs AFTER UPDATE ON jobs BEGIN
  INSERT OR REPLACE INTO changes (record, at)
    VALUES (NEW.record, (SELECT coalesce(max(at), 0) + 1 FROM changes));
END;

CREATE TRIGGER DELETE_jobs AFTER DELETE ON jobs BEGIN
  INSERT OR REPLACE INTO changes (record, at)
    VALUES (OLD.record, (SELECT coalesce(max(at), 0) + 1 FROM changes));
END;
