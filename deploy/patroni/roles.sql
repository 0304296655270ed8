-- Once, on the primary, as a superuser: psql -v ON_ERROR_STOP=1 -f roles.sql
-- Passwords: \password daicho_owner, and so on for each role. They stay out of files and logs that way.

-- Owns database and schema, and migrates. No service runs in this role.
CREATE ROLE daicho_owner LOGIN;

-- The service's. What it may do is granted when the owner's role sets the schema up: read, add, move the head row.
CREATE ROLE daicho_service LOGIN;

-- Nothing of the operator's may cut a commit's wait for its standby short (see README.md).
ALTER ROLE daicho_service SET statement_timeout = 0;
ALTER ROLE daicho_service SET synchronous_commit = on;

-- Holds people and their secrets, in the schema daicho_identity, and sees nothing of the log.
CREATE ROLE daicho_identity LOGIN;
ALTER ROLE daicho_identity SET synchronous_commit = on;

CREATE DATABASE daicho OWNER daicho_owner ENCODING 'UTF8';
REVOKE ALL ON DATABASE daicho FROM PUBLIC;
GRANT CONNECT ON DATABASE daicho TO daicho_service, daicho_identity;
