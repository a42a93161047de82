# Sourced by the other scripts: everything they write lies inside the checkout, nothing in the user's home.
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT" || exit 1

VENV="$ROOT/.venv"
CACHE="$VENV/cache"
export AIIDA_PATH="${ANHCSP_AIIDA_PATH:-$ROOT/.aiida}"
export PGDATA="$ROOT/.postgres"
export XDG_CACHE_HOME="$CACHE" UV_CACHE_DIR="$CACHE/uv" PIP_CACHE_DIR="$CACHE/pip" MPLCONFIGDIR="$CACHE/matplotlib"
export PATH="$VENV/bin:$PATH"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
export PYTHONWARNINGS="${PYTHONWARNINGS:-ignore:Creating AiiDA configuration folder}"
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
free_port() {
    "$VENV/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
