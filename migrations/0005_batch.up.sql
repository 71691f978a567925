-- Batches that can be resumed: how far each run has come.

CREATE TABLE adminex.batch_runs (
    run_id       uuid        NOT NULL DEFAULT gen_random_uuid(),
    input_sha256 bytea       NOT NULL,
    actor        text        NOT NULL,
    last_line    bigint      NOT NULL DEFAULT 0,
    failed       bigint      NOT NULL DEFAULT 0,
    started_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    CONSTRAINT batch_runs_pkey PRIMARY KEY (run_id),
    CONSTRAINT batch_runs_input_sha256_length CHECK (octet_length(input_sha256) = 32),
    CONSTRAINT batch_runs_lines_counted CHECK (failed >= 0 AND failed <= last_line)
);
COMMENT ON TABLE adminex.batch_runs IS
    'runs of ''adminex batch --resume'', written in the transaction of the lines they count';
COMMENT ON COLUMN adminex.batch_runs.last_line IS
    'everything up to this line of the input is done, nothing behind it';
COMMENT ON COLUMN adminex.batch_runs.failed IS
    'how many of these lines failed, where a run goes on after a failure';

-- The privileges of the tables before this one are granted as they were.
ALTER FUNCTION adminex.grant_roles() RENAME TO grant_roles_0004;

CREATE FUNCTION adminex.grant_roles() RETURNS text[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog
AS $$
DECLARE
    missing CONSTANT text[] := adminex.grant_roles_0004();
BEGIN
    IF 'adminex_reader' <> ALL (missing) THEN
        GRANT SELECT ON adminex.batch_runs TO adminex_reader;
    END IF;
    IF 'adminex_operator' <> ALL (missing) THEN
        GRANT SELECT, INSERT, UPDATE ON adminex.batch_runs TO adminex_operator;
    END IF;
    IF 'adminex_admin' <> ALL (missing) THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON adminex.batch_runs TO adminex_admin;
    END IF;
    RETURN missing;
END
$$;
COMMENT ON FUNCTION adminex.grant_roles() IS
    'grants the privileges of this schema to those adminex roles that exist; returns the others';
REVOKE ALL ON FUNCTION adminex.grant_roles() FROM PUBLIC;

-- Roles that have privileges here cannot be dropped meanwhile, and one that is missing is left out.
DO $$
BEGIN
    PERFORM adminex.grant_roles();
END
$$;
