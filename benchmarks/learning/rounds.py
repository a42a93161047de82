"""Errors of a search's labels, those it had learned from and those of the round after, by settings of the training.

    aiida-anhcsp dataset export PK labels.extxyz          # the dataset of the last training of the search
    OMP_NUM_THREADS=1 python benchmarks/learning/rounds.py labels.extxyz benchmarks/learning/rounds.yaml \
        --potential 'mtp:new:{"level": 8, "cutoff": 5.0}' --pressure 300 --rounds 2,3,4 benchmarks/learning/rounds.json

Before each of the rounds a new potential is trained on the labels of all rounds before it, with each of the settings of
the YAML file. The errors (meV/atom, root mean square and median of the absolute ones) are those of labels at most 0.5
eV/atom above the hull of all labels: ``learned``, of the rounds before, and ``new``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import yaml
from ase import Atoms

from aiida_anhcsp.engine.frames import labels_of, read_frames
from aiida_anhcsp.engine.learning.focus import heights_of
from aiida_anhcsp.engine.learning.learner import Learner
from aiida_anhcsp.engine.learning.load import load_learner
from aiida_anhcsp.engine.learning.settings import TrainSettings
from aiida_anhcsp.engine.learning.train import train

WINDOW = 0.5
"""eV/atom"""


def errors(learner: Learner, frames: Sequence[Atoms]) -> dict[str, float]:
    """Those of the energies, meV/atom."""
    pairs = zip(learner.evaluate(frames), frames, strict=True)
    off = np.array([1000 * (found.energy - labels_of(frame)["energy"]) / len(frame) for found, frame in pairs])
    return {"rms": round(float(np.sqrt(np.mean(off**2))), 1), "median": round(float(np.median(abs(off))), 1)}


def settings_of(values: dict[str, Any], pressure: float) -> TrainSettings:
    """Settings of a training, with a focus at the pressure of the search."""
    focus = {"focus": {**values["focus"], "pressure": pressure}} if "focus" in values else {}
    return TrainSettings.parse({**values, **focus})


@click.command()
@click.argument("dataset")
@click.argument("variants", type=click.Path(path_type=Path, exists=True))
@click.argument("result", type=click.Path(path_type=Path))
@click.option("--potential", "specification", required=True, help="As for anhcsp-engine train.")
@click.option("--pressure", type=float, required=True, help="Of the search, GPa.")
@click.option("--rounds", required=True, help="To be foretold, separated by commas.")
def main(dataset: str, variants: Path, result: Path, specification: str, pressure: float, rounds: str) -> None:
    """Foretell rounds of DATASET with the settings of each of VARIANTS, a YAML file of settings by name."""
    frames = read_frames(dataset)
    for frame in frames:
        frame.info.pop("split", None)  # what the search held out need not be held out here
    heights = heights_of(frames, pressure)
    low = [frame for frame, height in zip(frames, heights, strict=True) if height <= WINDOW]
    table: dict[str, dict[str, Any]] = {}
    for name, values in yaml.safe_load(variants.read_text()).items():
        settings = settings_of(values, pressure)
        for number in map(int, rounds.split(",")):
            before = [frame for frame in frames if frame.info["round"] < number]
            learner = load_learner(specification, before, seed=settings.seed)
            with tempfile.TemporaryDirectory() as folder:
                train(before, learner, settings, Path(folder), lambda epoch: None)
            parts = {
                "learned": [frame for frame in low if frame.info["round"] < number],
                "new": [frame for frame in low if frame.info["round"] == number],
            }
            row = {part: {"labels": len(each), **errors(learner, each)} for part, each in parts.items()}
            table.setdefault(name, {})[str(number)] = row
            click.echo(f"{name}, round {number}: {row}")
    summary = {"potential": specification, "pressure": pressure, "window": WINDOW, "errors": table}
    result.write_text(json.dumps(summary, indent=1) + "\n")


if __name__ == "__main__":
    main()
