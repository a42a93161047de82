"""Error on a fixed test set against the number of labels, and how many labels the H3S study's errors would take.

    OMP_NUM_THREADS=1 python benchmarks/learning/learning_curve.py aiida_anhcsp/potentials_data/mini-H-S.extxyz \
        OUTDIR --potential 'mtp:new:{"level": 8, "cutoff": 5.0}' --labels 25,50,100,200 --tested '[pqr][0-9]' \
        --settings benchmarks/learning/mtp.yaml --seed 1 --curve benchmarks/learning/mtp.json

The test set is a fixed tenth of the frames, whole families, drawn from those whose names begin as ``--tested`` says (of
the mini model's labels: structures that a search relaxed, distorted); smaller training sets are parts of larger ones.
Every training is kept in OUTDIR and not repeated, so the command can be stopped and given again, with larger numbers
too. The curve holds the test errors by number of labels, of all frames and of those within 0.5 eV/atom of the lowest
enthalpy at their pressure; the power law error = a N^-b of each; the number of labels at which it meets the target; and
the errors of each test frame with the most labels, largest first.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import yaml
from ase import Atoms
from ase.units import GPa

from aiida_anhcsp.engine.frames import labels_of, read_frames
from aiida_anhcsp.engine.learning.dataset import family_of, split_by_family
from aiida_anhcsp.engine.learning.load import load_learner
from aiida_anhcsp.engine.learning.metrics import errors_by_part, errors_of
from aiida_anhcsp.engine.learning.settings import Split, TrainSettings
from aiida_anhcsp.engine.learning.train import train
from aiida_anhcsp.engine.potentials.base import Evaluation

TARGETS = {"energy": 6.7, "force": 136.0, "stress": 1.1}
"""meV/atom, meV/angstrom, GPa: the test errors of the H3S study after finetuning."""

WINDOW = 0.5
"""eV/atom"""


def in_order(frames: Sequence[Atoms], seed: int) -> list[Atoms]:
    """Frames in a random order of families, so that the first N are a training set of N labels."""
    families = family_of(frames)
    ranks = {name: rank for rank, name in enumerate(sorted(set(families)))}
    order = np.random.default_rng(seed).permutation(len(ranks))
    return [frame for _, frame in sorted(zip(families, frames, strict=True), key=lambda pair: order[ranks[pair[0]]])]


def drawn(frames: Sequence[Atoms], tested: str, seed: int) -> tuple[list[Atoms], list[Atoms]]:
    """Pool to train on and test set: a tenth of the frames, of families whose names match ``tested`` at their begin."""
    names = family_of(frames)
    matching = [index for index, name in enumerate(names) if re.match(tested, name)]
    fraction = 0.1 * len(frames) / len(matching)
    parts = split_by_family([frames[index] for index in matching], Split(validation=0, test=fraction), seed)
    held_out = {matching[index] for index in parts["test"]}
    return (
        [frame for index, frame in enumerate(frames) if index not in held_out],
        [frames[index] for index in sorted(held_out)],
    )


def above_the_lowest(test: Sequence[Atoms], frames: Sequence[Atoms]) -> list[float]:
    """Enthalpy (eV/atom) of each test frame above the lowest of all frames at its pressure."""
    energies = np.array([labels_of(frame)["energy"] / len(frame) for frame in frames])
    volumes = np.array([frame.get_volume() / len(frame) for frame in frames])
    above = []
    for frame in test:
        pressure = float(frame.info["pressure"]) * GPa
        enthalpy = (labels_of(frame)["energy"] + pressure * frame.get_volume()) / len(frame)
        above.append(float(enthalpy - np.min(energies + pressure * volumes)))
    return above


def one_by_one(
    test: Sequence[Atoms], evaluations: Sequence[Evaluation], above: Sequence[float]
) -> list[dict[str, Any]]:
    """Errors of each frame, and what it is; those of the largest force error first."""
    rows = []
    for frame, evaluation, height in zip(test, evaluations, above, strict=True):
        row: dict[str, Any] = {"id": frame.info["id"], "atoms": len(frame), "pressure": frame.info["pressure"]}
        row |= {
            "above_lowest": height,
            "largest_force": float(np.linalg.norm(labels_of(frame)["forces"], axis=1).max()),
        }
        row |= errors_of([frame], [evaluation]) or {}
        rows.append({name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()})
    return sorted(rows, key=lambda row: -row.get("force", math.inf))


def power_law(numbers: Sequence[int], errors: Sequence[float], target: float) -> dict[str, float]:
    """a and b of error = a N^-b by least squares of the logarithms, and N where it meets the target, if it falls."""
    slope, intercept = np.polyfit(np.log(numbers), np.log(errors), 1)
    law = {"a": math.exp(intercept), "b": -float(slope)}
    if slope < 0:
        law["labels_at_target"] = math.exp((intercept - math.log(target)) / -slope)
    return law


@click.command()
@click.argument("dataset")
@click.argument("outdir", type=click.Path(path_type=Path))
@click.option("--potential", "specification", required=True, help="As for anhcsp-engine train.")
@click.option("--labels", required=True, help="Numbers of training labels, separated by commas.")
@click.option("--tested", default="", help="Regular expression of the families that are tested on; any if left out.")
@click.option("--settings", type=click.Path(path_type=Path, exists=True), required=True, help="As for train.")
@click.option("--updates", type=int, help="Steps of the optimiser at any number of labels, instead of epochs.")
@click.option("--seed", type=int, required=True)
@click.option("--curve", "result", type=click.Path(path_type=Path), required=True, help="JSON file to write.")
def main(
    dataset: str,
    outdir: Path,
    specification: str,
    labels: str,
    tested: str,
    settings: Path,
    updates: int | None,
    seed: int,
    result: Path,
) -> None:
    """Train on growing parts of DATASET."""
    frames = read_frames(dataset)
    pool, test = drawn(frames, tested, seed)
    pool = in_order(pool, seed)
    above = above_the_lowest(test, frames)
    groups = {"all": range(len(test)), "near": [index for index, height in enumerate(above) if height <= WINDOW]}
    values = {**yaml.safe_load(settings.read_text()), "seed": seed, "split": {"validation": 0.1, "test": 0}}
    curve: dict[int, dict[str, Any]] = {}
    summary = {"potential": specification, "dataset": dataset, "tested": tested, "seed": seed}
    for number in sorted(min(int(text), len(pool)) for text in labels.split(",")):
        folder = outdir / str(number)
        if not (folder / "test.json").is_file():
            begin = time.process_time()
            if updates is not None:
                values["epochs"] = math.ceil(updates * values["batch_size"] / number)
            learner = load_learner(specification, pool[:number], seed=seed)
            train(pool[:number], learner, TrainSettings.parse(values), folder, lambda record: None)
            evaluations = learner.evaluate(test)
            row = {
                **errors_by_part(test, evaluations, groups),
                "epochs": values["epochs"],
                "cpu_s": round(time.process_time() - begin, 1),
                "frames": one_by_one(test, evaluations, above),
            }
            (folder / "test.json").write_text(json.dumps(row, indent=1) + "\n")
        curve[number] = json.loads((folder / "test.json").read_text())
        worst = curve[number].pop("frames")
        click.echo(f"{number} labels: {curve[number]}")
        result.write_text(json.dumps({**summary, **judged(curve, groups), "frames": worst}, indent=1) + "\n")


def judged(curve: dict[int, dict[str, Any]], groups: Iterable[str]) -> dict[str, Any]:
    """The curve so far with, from two numbers of labels on, its power laws."""
    if len(curve) < 2:
        return {"errors": curve}
    laws = {
        group: {
            name: power_law(list(curve), [row[group][name] for row in curve.values()], target)
            for name, target in TARGETS.items()
        }
        for group in groups
    }
    return {"errors": curve, "power_law": laws}


if __name__ == "__main__":
    main()
