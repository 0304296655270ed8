-- The log. Rows are added and never changed; triggers hold the owner to that too, so that
-- whoever changes history has to take them away first.

CREATE FUNCTION daicho_log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'daicho_log.% only grows: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION daicho_log.refuse_shrinking() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.term < OLD.term OR NEW.size < OLD.size
        OR NEW.size = OLD.size AND (NEW.term = OLD.term OR NEW.root <> OLD.root)
    THEN
        RAISE EXCEPTION 'the log has % events in term % and cannot have % in term % next',
            OLD.size, OLD.term, NEW.size, NEW.term
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE TABLE daicho_log.events (
    global_position bigint PRIMARY KEY CHECK (global_position >= 0),
    stream text COLLATE "C" NOT NULL,
    stream_position bigint NOT NULL CHECK (stream_position >= 0),
    command_id uuid NOT NULL,
    -- How many events the command has; only its first event says it.
    command_events integer CHECK (command_events > 0),
    -- The event's document: the leaf of the tree, byte for byte.
    stored bytea NOT NULL,
    UNIQUE (stream, stream_position)
);
-- A command is recorded once, whatever the program believes.
CREATE UNIQUE INDEX events_of_command ON daicho_log.events (command_id)
    WHERE command_events IS NOT NULL;

-- One row. Whoever appends holds its lock until the commit, so positions have no gaps and
-- become visible in their order.
CREATE TABLE daicho_log.head (
    the_only_row boolean PRIMARY KEY DEFAULT true CHECK (the_only_row),
    size bigint NOT NULL CHECK (size >= 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    -- Goes up with every connection for appending. A statement of an earlier term that arrives
    -- late, from a connection that was given up, finds that it may no longer append.
    term bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO daicho_log.head (size, root) VALUES (0, sha256(''));

-- Only full tiles; the others are derived.
CREATE TABLE daicho_log.tiles (
    level smallint NOT NULL,
    index bigint NOT NULL,
    hashes bytea NOT NULL CHECK (length(hashes) = 8192),
    PRIMARY KEY (level, index)
);
-- Hashes do not compress.
ALTER TABLE daicho_log.tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Of one size the newest row counts.
CREATE TABLE daicho_log.checkpoints (
    kept bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    size bigint NOT NULL CHECK (size >= 0),
    note text NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX checkpoints_by_size ON daicho_log.checkpoints (size, kept DESC);

CREATE TRIGGER events_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON daicho_log.events
    EXECUTE FUNCTION daicho_log.refuse_change();
CREATE TRIGGER tiles_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON daicho_log.tiles
    EXECUTE FUNCTION daicho_log.refuse_change();
CREATE TRIGGER checkpoints_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON daicho_log.checkpoints
    EXECUTE FUNCTION daicho_log.refuse_change();
CREATE TRIGGER head_stays BEFORE DELETE OR TRUNCATE ON daicho_log.head
    EXECUTE FUNCTION daicho_log.refuse_change();
CREATE TRIGGER head_only_grows BEFORE UPDATE ON daicho_log.head
    FOR EACH ROW EXECUTE FUNCTION daicho_log.refuse_shrinking();
