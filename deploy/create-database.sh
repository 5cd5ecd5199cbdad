#!/bin/sh
# Makes the server's role and its database, on PostgreSQL 15 or later, as a superuser:
#
#     FACES_PASSWORD=... PGHOST=... deploy/create-database.sh
#
# The tables are made by the server's first start, or by the first token.
set -eu

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
    --username="${POSTGRES_USER:-postgres}" --dbname=postgres <<'SQL'
-- The password is part of a statement, which a server may log: one that fails, or all of them.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
SET log_min_duration_sample = -1;
SET log_transaction_sample_rate = 0;
\getenv password FACES_PASSWORD
CREATE ROLE faces LOGIN PASSWORD :'password';
CREATE DATABASE faces OWNER faces;
REVOKE ALL ON DATABASE faces FROM PUBLIC;
-- An erasure ends with a checkpoint, which is otherwise a superuser's to ask for.
GRANT pg_checkpoint TO faces;
SQL
