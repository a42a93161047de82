#!/usr/bin/env bash
# Install what only the tests need: a browser for the report, Slurm and an SSH server for the cluster, RabbitMQ.
# Where that is not possible (no root, no Debian) the tests that need it skip and say so.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

MISSING=()
for PACKAGE in chromium chromium-driver slurm-wlm munge openssh-server rabbitmq-server; do
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
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d  # install the servers and start none of them
    chmod 755 /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get install -y -qq --no-install-recommends "${MISSING[@]}" >/dev/null
