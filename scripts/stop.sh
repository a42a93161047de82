#!/usr/bin/env bash
# Stop the daemons and the servers of this checkout. Runs that have not ended go on when make demo runs again.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

if [ -d "$AIIDA_PATH" ]; then
    verdi daemon stop --all
fi
scripts/postgres.sh stop
scripts/cluster.sh stop
scripts/rabbitmq.sh stop
