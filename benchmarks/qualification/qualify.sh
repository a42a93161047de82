#!/bin/sh
# Examine the mini model and CHGNet on Im-3m H3S at 150 GPa: benchmarks/qualification/qualify.sh [mini|chgnet]...
# NAME.txt (the table) and NAME.json beside this file.
set -eu
cd "$(dirname "$0")"
export OMP_NUM_THREADS=1
PATH="$PWD/../../.venv/bin:$PATH"
[ $# -gt 0 ] || set -- mini chgnet
for name in "$@"; do
    case "$name" in
        mini) potential=mattersim:mini-H-S ;;
        chgnet) potential='ase:chgnet.model.dynamics:CHGNetCalculator:{"use_device": "cpu"}' ;;
        *) echo "unknown model $name; give mini or chgnet" >&2; exit 2 ;;
    esac
    scratch="$(mktemp -d)"
    anhcsp-engine qualify im-3m.extxyz "$scratch" --potential "$potential" --pressure 150 --seed 1 >"$name.txt"
    cp "$scratch/result.json" "$name.json"
    rm -rf "$scratch"
done
