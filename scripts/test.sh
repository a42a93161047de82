#!/usr/bin/env bash
# ruff, mypy, unit tests, slow ones; then integration tests with daemons on sqlite and on a real PostgreSQL server, one on a real Slurm, one over a real RabbitMQ.
set -uo pipefail
ANHCSP_AIIDA_PATH="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.aiida/tests"
export ANHCSP_AIIDA_PATH
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

FAILED=()
RAN_BEFORE="$(scripts/postgres.sh running)"

step() {
    local name="$1"
    shift
    say "$name"
    "$@" || FAILED+=("$name")
}

clean_up() {
    [ -d "$AIIDA_PATH" ] && verdi daemon stop --all >/dev/null 2>&1
    [ "$RAN_BEFORE" = yes ] || scripts/postgres.sh stop
    scripts/cluster.sh stop
    scripts/rabbitmq.sh stop
}
trap clean_up EXIT

clean_up
rm -rf "$AIIDA_PATH"
step "packages of the tests" scripts/test_packages.sh
step "ruff" ruff check .
step "ruff format" ruff format --check .
step "mypy" mypy
step "docs" python -m sphinx -W --keep-going -q -b html docs docs/_build
step "unit tests" python -m pytest -q -n logical -m "not integration and not slow" --durations 10
step "slow tests" python -m pytest -q -n logical -m slow --durations 10
step "a cluster" scripts/cluster.sh start
if [ "$(scripts/cluster.sh running)" = yes ]; then
    HOME="$(scripts/cluster.sh home)" # where the daemons find how to reach it by SSH
    export HOME
fi
ONCE=() # tests that choose their servers themselves run with the first database only
for DATABASE in sqlite postgresql; do
    export ANHCSP_TEST_PROFILE="test-$DATABASE"
    [ "$DATABASE" = sqlite ] || scripts/postgres.sh drop "$ANHCSP_TEST_PROFILE"
    step "profile on $DATABASE" scripts/profile.sh "$DATABASE" "$ANHCSP_TEST_PROFILE"
    step "integration tests on $DATABASE" python -m pytest -q tests/integration --durations 10 "${ONCE[@]}"
    ONCE=(--ignore tests/integration/test_archive.py --ignore tests/integration/test_cluster.py)
    ONCE+=(--ignore tests/integration/test_rabbitmq.py)
done

if [ ${#FAILED[@]} -gt 0 ]; then
    printf '\nfailed: %s\n' "$(IFS=,; echo "${FAILED[*]}")"
    exit 1
fi
printf '\nall tests passed in %d min %d s\n' $((SECONDS / 60)) $((SECONDS % 60))
