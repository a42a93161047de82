#!/usr/bin/env bash
# Install what is missing: system packages, .venv, the package in it. Quick when everything is there.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

PATH="${PATH#"$VENV/bin:"}"  # the Python that makes .venv is not the one inside it
PACKAGES=(gfortran liblapack-dev libopenblas-dev pkg-config libopenmpi-dev openmpi-bin gpaw gpaw-data postgresql)

# The first Python 3.11: constraints.txt is made for it.
find_python() {
    local candidate
    for candidate in python3.11 python3 /usr/bin/python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
}

install_system_packages() {
    local python missing=() package
    python="$(find_python)"
    if [ -z "$python" ] || [ "$python" = /usr/bin/python3 ] || [ "$python" = /usr/bin/python3.11 ]; then
        PACKAGES+=(python3 python3-venv python3-dev)
    fi
    for package in "${PACKAGES[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    if ! command -v apt-get >/dev/null; then
        fail "these Debian packages (or their like) are needed and this is not Debian: ${missing[*]}"
    fi
    if [ "$(id -u)" -ne 0 ]; then
        fail "these system packages are missing; run as root: apt-get install ${missing[*]}"
    fi
    say "Installing system packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

install_package() {
    local python
    python="$(find_python)"
    [ -n "$python" ] || fail "Python 3.11 is needed and was not found; install python3.11 and its venv module"
    say "Installing aiida-anhcsp into .venv with $python"
    if [ -e "$STAMP" ] && ! grep -qxF "$ROOT" "$STAMP"; then
        rm -rf "$VENV"  # the checkout was moved, and the scripts inside name the old path
    fi
    [ -x "$VENV/bin/python" ] || "$python" -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet "uv>=0.5"
    if [ -n "${PIP_FIND_LINKS:-}" ]; then
        export UV_FIND_LINKS="${UV_FIND_LINKS:-$PIP_FIND_LINKS}"
    fi
    "$VENV/bin/uv" pip install --quiet --compile-bytecode --python "$VENV/bin/python" -c constraints.txt -e '.[engine,tests,docs]'
}

install_system_packages
STAMP="$VENV/installed"
WANTED="$(cat pyproject.toml constraints.txt | sha256sum)"$'\n'"$ROOT"
if [ "$(cat "$STAMP" 2>/dev/null)" != "$WANTED" ]; then
    install_package
    printf '%s\n' "$WANTED" >"$STAMP"
fi
