#!/usr/bin/env bash
# An AiiDA profile of this checkout, its daemon running, computer and codes set up:
#   profile.sh sqlite|postgresql [NAME]     (NAME: demo-sqlite, demo-postgresql)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

DATABASE="$1"
NAME="${2:-demo-$DATABASE}"

mkdir -p "$AIIDA_PATH"
case "$DATABASE" in
sqlite) ;;
postgresql) scripts/postgres.sh start ;;
*) fail "DATABASE=$DATABASE: not a database this knows; give sqlite or postgresql" ;;
esac

create() {
    say "Creating the AiiDA profile $NAME in .aiida"
    local server=()
    if [ "$DATABASE" = postgresql ]; then
        server=(--database-port "$(scripts/postgres.sh port)")
        ANHCSP_DATABASE_PASSWORD="$(scripts/postgres.sh password)"
        export ANHCSP_DATABASE_PASSWORD
    fi
    aiida-anhcsp setup --new-profile "$NAME" --database "$DATABASE" "${server[@]}" >/dev/null
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
