#!/usr/bin/env bash
# Makes the dataset and the model of mattersim:mini-H-S anew, in the folder WORK (default benchmarks/mini_model/work):
# some 580 GPAW labels, JOBS at a time (default 2), and six trainings. Every step is skipped where its file exists.
set -euo pipefail
cd "$(dirname "$0")/../.."
HERE=benchmarks/mini_model
WORK="${WORK:-$HERE/work}"
JOBS="${JOBS:-2}"
ENGINE=.venv/bin/anhcsp-engine
PYTHON=.venv/bin/python
ARCHITECTURE='{"num_blocks":2,"units":48,"max_l":3,"max_n":3,"cutoff":4.5,"threebody_cutoff":3.5}'
export OMP_NUM_THREADS=1
mkdir -p "$WORK"

label() { # FRAMES without suffix; the script runs from a copy, so that nothing beside it is imported by mistake
    [ -e "$WORK/$1.done" ] && return
    local frames share part jobs=()
    frames="$(grep -c Lattice "$WORK/$1.extxyz")"
    share=$(((frames + JOBS - 1) / JOBS))
    cp aiida_anhcsp/workflows/gpaw_frames.py "$WORK"
    for ((part = 0; part < JOBS; part++)); do
        /usr/bin/python3 "$WORK/gpaw_frames.py" "$WORK/$1.extxyz" $HERE/settings.json "$WORK/$1.part$part.extxyz" \
            $((part * share)) $((part * share + share < frames ? part * share + share : frames)) &
        jobs+=($!)
    done
    for part in "${jobs[@]}"; do wait "$part"; done
    cat "$WORK/$1".part*.extxyz >"$WORK/$1.labels.extxyz"
    touch "$WORK/$1.done"
}
gather() { # OUT LARGEST_FORCE FRAMES...: in eV/angstrom; what lies beyond is hotter than any relaxation meets
    local out="$1" largest="$2"
    shift 2
    $PYTHON $HERE/gather.py $HERE/settings.json "$largest" "$WORK/$out.extxyz" \
        $(for name in "$@"; do echo "$WORK/$name.extxyz:$WORK/$name.labels.extxyz"; done)
}
named() { # OUT PREFIX PRESSURE: unique identities, and the pressure, in a file made at one pressure
    $PYTHON $HERE/name.py "$WORK/$1.extxyz" "$2" "$3"
}

# Random structures as they come, at six pressures, and distorted: the high-energy part.
SEEDS=()
for P in 50 90 130 170 210 250; do
    [ -e "$WORK/seed$P.extxyz" ] || {
        $ENGINE generate "$WORK/seed$P.extxyz" --formula H3S --formula-units 1-2 --number 8 --pressure $P --seed $P
        named "seed$P" "seed$P" $P
    }
    for A in 0.06 0.15; do
        [ -e "$WORK/seed$P-$A.extxyz" ] ||
            $ENGINE distort "$WORK/seed$P.extxyz" "$WORK/seed$P-$A.extxyz" --number 1 --amplitude $A --seed $P
    done
    SEEDS+=("seed$P" "seed$P-0.06" "seed$P-0.15")
done
# Im-3m, which SSCHA samples widely.
[ -e "$WORK/prototypes.extxyz" ] || $PYTHON $HERE/prototypes.py "$WORK/prototypes.extxyz"
for NAME in "${SEEDS[@]}" prototypes; do label "$NAME"; done
gather first inf "${SEEDS[@]}" prototypes

train() { # DATASET MODEL EPOCHS EPOCHS_WITH_THE_WEIGHT_ON_ENERGIES
    [ -e "$WORK/$2-forces/model.pth" ] ||
        $ENGINE train "$WORK/$1.extxyz" "$WORK/$2-forces" --potential "mattersim:new:$ARCHITECTURE" \
            --epochs "$3" --learning-rate 5e-3 --batch-size 4 --seed 1
    [ -e "$WORK/$2/model.pth" ] ||
        $ENGINE train "$WORK/$1.extxyz" "$WORK/$2" --potential "mattersim:$WORK/$2-forces/model.pth" \
            --settings $HERE/stage2.yaml --epochs "$4"
}
relaxed() { # NAME MODEL SEED PREFIX [DISPLACEMENT]: random structures, displaced (angstrom) if so wanted, relaxed by a
    local pressure amplitude start # model at five pressures, distorted and labelled
    for pressure in 50 100 150 200 250; do
        amplitude=0.06
        [ $((pressure % 100)) = 0 ] && amplitude=0.12
        [ -e "$WORK/$1$pressure.extxyz" ] || {
            $ENGINE generate "$WORK/random$pressure.extxyz" --formula H3S --formula-units 1-2 --number 24 \
                --pressure "$pressure" --seed $((pressure + $3))
            start="$WORK/random$pressure.extxyz"
            [ $# -lt 5 ] || {
                $ENGINE distort "$start" "$WORK/displaced$pressure.extxyz" --number 1 --amplitude "$5" \
                    --seed $((pressure + $3))
                start="$WORK/displaced$pressure.extxyz"
            }
            $ENGINE relax "$start" "$WORK/relaxed$pressure.extxyz" \
                --potential "mattersim:$WORK/$2/model.pth" --pressure "$pressure" --fmax 0.05 --max-steps 150
            named "relaxed$pressure" "$4$pressure" "$pressure"
            $ENGINE distort "$WORK/relaxed$pressure.extxyz" "$WORK/$1$pressure.extxyz" \
                --number 1 --amplitude $amplitude --seed "$pressure"
        }
        label "$1$pressure"
        RELAXED+=("$1$pressure")
    done
}

# A first model relaxes new random structures, a second one, which knows them, others.
RELAXED=()
[ -e "$WORK/first/model.pth" ] ||
    $ENGINE train "$WORK/first.extxyz" "$WORK/first" --potential "mattersim:new:$ARCHITECTURE" \
        --epochs 40 --learning-rate 5e-3 --batch-size 4 --seed 1
relaxed near first 0 p
gather second 20 "${SEEDS[@]}" prototypes "${RELAXED[@]}"
train second second 160 150
relaxed again second 1 q
relaxed more second 2 r 0.05 # as a search does: what is symmetric would stay on saddles

# The model: all labels, then twice more with ever larger weights on energies.
gather dataset 30 "${SEEDS[@]}" prototypes "${RELAXED[@]}"
train dataset third 120 90
[ -e "$WORK/model/model.pth" ] ||
    $ENGINE train "$WORK/dataset.extxyz" "$WORK/model" --potential "mattersim:$WORK/third/model.pth" \
        --settings $HERE/stage3.yaml
$PYTHON $HERE/errors.py "$WORK/dataset.extxyz" "$WORK/model" "$WORK/errors.json"
