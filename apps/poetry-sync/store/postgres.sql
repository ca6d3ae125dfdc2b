-- The terms of statements that mean something else in each database, as PostgreSQL has them.

-- A table's id, which is never used twice.
--:id
BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY

-- The type of bytes.
--:blob
BYTEA

-- The database's clock, in ms since 1970.
--:now
CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)

-- Behind a SELECT: locks its rows until the transaction's end. Not FOR UPDATE, for which the check
-- of a foreign key would wait.
--:lock
FOR NO KEY UPDATE

-- The same, and passes over those that others have locked.
--:skip_taken
FOR UPDATE SKIP LOCKED

-- A statement that gives some of what was deleted back.
--:reclaim

-- A table whose column `value` has what a JSON array in $1 has.
--:ids
json_array_elements_text(CAST($1 AS json))

-- A condition: `at` in `changes` may be news since the horizon $1. A transaction may end before one
-- that has begun earlier.
--:changed
at >= $1 AND at < txid_snapshot_xmax(txid_current_snapshot())

-- Whatever is older, this transaction sees.
--:horizon
txid_snapshot_xmin(txid_current_snapshot())

-- A statement that lets one transaction after the other pass.
--:alone
SELECT pg_advisory_xact_lock(7664825)

-- Statements that have every change noted in `changes`.
--:triggers
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE changed jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
  BEGIN
    INSERT INTO changes (record, at)
      VALUES (CAST(coalesce(changed ->> 'record', changed ->> 'id') AS BIGINT), txid_current())
      ON CONFLICT (record) DO UPDATE SET at = excluded.at;
    RETURN NULL;
  END $$;

CREATE TRIGGER change AFTER INSERT OR UPDATE OR DELETE ON records
  FOR EACH ROW EXECUTE PROCEDURE note_change();

CREATE TRIGGER change AFTER INSERT OR UPDATE OR DELETE ON jobs
  FOR EACH ROW EXECUTE PROCEDURE note_change();
