#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Grants, memberships, default privileges and settings of roles after kills: from the log, from a checkpoint, and from both. What was
# not committed is gone.
# Usage: grant.sh KYRODB
set -euo pipefail
. "$(dirname "$0")/killed_server.sh"

check() { # WHAT RIGHTS MEMBERS
    same "$1: rights" "$2" "$(sql -c "SELECT relname || relacl::text FROM pg_class WHERE relacl IS NOT NULL AND oid >= 16384 ORDER BY 1")"
    same "$1: of a column" '{ann=r/postgres}' "$(sql -c "SELECT attacl FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'b'")"
    same "$1: members" "$3" "$(sql -c "SELECT string_agg(roleid::regrole || ' ' || member::regrole, ', ' ORDER BY roleid, member)
        FROM pg_auth_members WHERE roleid >= 16384")"
    same "$1: defaults" '{postgres=arwdDxt/postgres,bob=r/postgres}' "$(sql -c 'SELECT defaclacl FROM pg_default_acl')"
    same "$1: setting" 7s "$(psql -XqAt -h 127.0.0.1 -p $port -U ann postgres -c 'SHOW lock_timeout')"
    same "$1: in force" "permission denied for table t" \
        "$(sql -c 'SET ROLE ann' -c 'SELECT a FROM t' 2>&1 | sed -n 's/^ERROR:  //p')"
}

start
sql -c 'CREATE ROLE ann LOGIN' -c 'CREATE ROLE bob' -c 'CREATE ROLE team' -c 'CREATE TABLE t (a int, b int)' -c 'GRANT INSERT ON t TO ann' \
    -c 'GRANT SELECT (b) ON t TO ann' -c 'GRANT team TO ann' -c 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO bob' \
    -c "ALTER ROLE ann SET lock_timeout = '7s'"
own='postgres=arwdDxt/postgres'
killed
check "from the log" "t{$own,ann=a/postgres}" 'team ann'
sql -c CHECKPOINT
killed
check "from a checkpoint" "t{$own,ann=a/postgres}" 'team ann'
sql -c 'GRANT DELETE ON t TO ann WITH GRANT OPTION' -c 'CREATE TABLE u (a int)' -c 'GRANT team TO bob'
killed
check "from both" "t{$own,ann=ad*/postgres}
u{$own,bob=r/postgres}" 'team ann, team bob'
# The session that has not committed goes with the server.
(sql -c BEGIN -c 'REVOKE ALL ON t FROM ann' -c 'REVOKE team FROM ann' -c 'SELECT pg_sleep(60)' >/dev/null 2>&1 || true) &
for _ in $(seq 100); do
    [ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()")" = 0 ] || break
    sleep 0.05
done
killed
check "not committed" "t{$own,ann=ad*/postgres}
u{$own,bob=r/postgres}" 'team ann, team bob'
sql -c 'DROP TABLE t, u' -c 'DROP OWNED BY ann, bob' -c 'DROP ROLE ann, bob, team'
killed
same "all gone" '0 0 0 0' "$(sql -c "SELECT (SELECT count(*) FROM pg_auth_members WHERE roleid >= 16384) || ' ' || (SELECT count(*)
    FROM pg_default_acl) || ' ' || (SELECT count(*) FROM pg_db_role_setting) || ' ' || (SELECT count(*) FROM pg_roles WHERE oid >= 16384)")"
