#!/usr/bin/env bash
# A PostgreSQL server of this checkout's own:  postgres.sh start | stop | running | database NAME | drop NAME | port | password
#
# Debian's server programs, a cluster in .postgres, a free port of 127.0.0.1, no Unix socket (its path would be too
# long in a deep checkout). PostgreSQL refuses to run as root, so root hands it to the postgres user.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

RUN_AS=()
if [ "$(id -u)" -eq 0 ]; then
    RUN_AS=(setpriv --reuid=postgres --regid=postgres --init-groups)
    if ! "${RUN_AS[@]}" test -x "$ROOT"; then
        # a checkout under /root, say: the postgres user cannot reach into it
        PGDATA="/var/lib/postgresql/anhcsp-$(printf %s "$ROOT" | sha256sum | cut -c1-12)"
    fi
fi
BIN="$(dirname "$(ls /usr/lib/postgresql/*/bin/pg_ctl 2>/dev/null | sort -V | tail -1)")"
[ -x "$BIN/pg_ctl" ] || fail "no PostgreSQL server in /usr/lib/postgresql; run make install"

as_server() { (cd / && env -u LC_ALL LANG=C.UTF-8 "${RUN_AS[@]}" "$@"); }
port() { sed -n 's/^port = //p' "$PGDATA/anhcsp.conf"; }
password() { cat "$PGDATA/anhcsp.password"; }
running() { as_server "$BIN/pg_ctl" -D "$PGDATA" status >/dev/null 2>&1; }
sql() { PGPASSWORD="$(password)" "$BIN/psql" -qAt -h 127.0.0.1 -p "$(port)" -U aiida -d "$1" -c "$2"; }

create_cluster() {
    local secret
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    [ ${#RUN_AS[@]} -eq 0 ] || chown postgres:postgres "$PGDATA"
    secret="$(mktemp)"
    "$VENV/bin/python" -c 'import secrets; print(secrets.token_hex(16))' >"$secret"
    [ ${#RUN_AS[@]} -eq 0 ] || chown postgres:postgres "$secret"
    # en_US.UTF-8, AiiDA's wish, is missing on a bare Debian; C.UTF-8 is always there
    as_server "$BIN/initdb" -D "$PGDATA" -U aiida --auth=scram-sha-256 --pwfile="$secret" \
        --encoding=UTF8 --locale=C.UTF-8 >/dev/null
    mv "$secret" "$PGDATA/anhcsp.password"
    printf "port = %s\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n" "$(free_port)" \
        >"$PGDATA/anhcsp.conf"
    printf "include 'anhcsp.conf'\n" >>"$PGDATA/postgresql.conf"
}

start() {
    [ -s "$PGDATA/anhcsp.conf" ] || { rm -rf "${PGDATA:?}"; create_cluster; }
    running || as_server "$BIN/pg_ctl" -D "$PGDATA" -l "$PGDATA/server.log" -w start >/dev/null ||
        fail "PostgreSQL did not start; see $PGDATA/server.log"
}

database() {
    [ "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname = '$1'")" = 1 ] && return
    sql postgres "CREATE DATABASE \"$1\" ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' TEMPLATE template0"
}

case "${1:-}" in
start) start ;;
running) if running; then echo yes; else echo no; fi ;;
stop) if running; then as_server "$BIN/pg_ctl" -D "$PGDATA" -m fast -w stop >/dev/null; fi ;;
database) start; database "$2" ;;
drop) start; sql postgres "DROP DATABASE IF EXISTS \"$2\" WITH (FORCE)" ;;
port) port ;;
password) password ;;
*) fail "usage: postgres.sh start | stop | running | database NAME | drop NAME | port | password" ;;
esac
