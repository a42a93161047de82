#!/usr/bin/env bash
# Install what only the tests need: a browser for the report.
# Where that is not possible (no root, no Debian) the tests that need it skip and say so.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

MISSING=()
for PACKAGE in chromium chromium-driver; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$PACKAGE" 2>/dev/null)" = installed ] || MISSING+=("$PACKAGE")
done
[ ${#MISSING[@]} -eq 0 ] && exit
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "Some tests will skip; as root: apt-get install ${MISSING[*]}"
    exit
fi
say "Installing what the tests need: ${MISSING[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${MISSING[@]}" >/dev/null
