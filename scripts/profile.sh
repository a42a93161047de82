#!/usr/bin/env bash
# An AiiDA profile of this checkout, its daemon running, computer and codes set up:
#   profile.sh sqlite|postgresql [NAME]     (NAME: demo-sqlite, demo-postgresql)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

DATABASE="$1"
NAME="${2:-demo-$DATABASE}"
USER_OF_PROFILE=(--email anhcsp@localhost --first-name Local --last-name User --institution localhost)
COMMON=(--profile-name "$NAME" --broker core.zeromq --non-interactive "${USER_OF_PROFILE[@]}")

mkdir -p "$AIIDA_PATH"
case "$DATABASE" in
sqlite) ;;
postgresql) scripts/postgres.sh database "$NAME" ;;
*) fail "DATABASE=$DATABASE: not a database this knows; give sqlite or postgresql" ;;
esac

create() {
    say "Creating the AiiDA profile $NAME in .aiida"
    if [ "$DATABASE" = sqlite ]; then
        verdi profile setup core.sqlite_dos "${COMMON[@]}" --filepath "$AIIDA_PATH/storage/$NAME" >/dev/null
        # a reader, such as verdi or a progress display, must not keep the daemon from writing (aiida-core #6532)
        python -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("PRAGMA journal_mode=WAL")' \
            "$AIIDA_PATH/storage/$NAME/database.sqlite"
    else
        verdi profile setup core.psql_dos "${COMMON[@]}" --repository-uri "file://$AIIDA_PATH/storage/$NAME" \
            --database-hostname 127.0.0.1 --database-port "$(scripts/postgres.sh port)" --database-username aiida \
            --database-password "$(scripts/postgres.sh password)" --database-name "$NAME" >/dev/null
    fi
    # seconds; the default of 2 is short on a busy machine
    verdi -p "$NAME" config set daemon.timeout 60 >/dev/null
}

if ! verdi profile show "$NAME" >/dev/null 2>&1; then
    create
elif ! verdi -p "$NAME" daemon status >/dev/null 2>&1; then
    # a job whose submission was cut short by a crash would wait for ever; without a daemon this is safe
    verdi -p "$NAME" process repair --force >/dev/null
else
    exit
fi
verdi -p "$NAME" daemon start >/dev/null
