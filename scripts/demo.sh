#!/usr/bin/env bash
# H3S from random structures to a quantum free energy:  demo.sh sqlite|postgresql POTENTIAL
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

DATABASE="$1"
POTENTIAL="$2"
INPUT=examples/h3s_demo/input.yaml
RESULTS=demo-results
SECONDS=0

scripts/profile.sh "$DATABASE" "demo-$DATABASE"
anhcsp() { aiida-anhcsp -p "demo-$DATABASE" "$@"; }
anhcsp setup >/dev/null

say "The plan"
anhcsp launch csp "$INPUT" --potential "$POTENTIAL" --dry-run | sed '$d'

ANSWER="$(anhcsp launch csp "$INPUT" --potential "$POTENTIAL" --resume)"
PK="$(sed -n 's/.* PK \([0-9]*\).*/\1/p' <<<"$ANSWER")"
case "$ANSWER" in
resuming*) say "Resuming: the run PK $PK has not ended, and is followed from here" ;;
*) say "Starting cleanly: a new run, PK $PK" ;;
esac
echo "(interrupting this display does not stop the run; make demo follows it again, make stop stops everything)"

ENDED=0
anhcsp status "$PK" --watch --keep-going || ENDED=$?

say "Ranking"
anhcsp ranking "$PK"
say "Files"
anhcsp export "$PK" "$RESULTS" --force
printf '\nrun PK %s, profile %s, %d min %d s\n' "$PK" "demo-$DATABASE" $((SECONDS / 60)) $((SECONDS % 60))
printf 'look at the graph:  AIIDA_PATH=%s %s -p %s process status %s\n' "$AIIDA_PATH" .venv/bin/verdi "demo-$DATABASE" "$PK"
exit "$ENDED"
