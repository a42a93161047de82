"""``anhcsp-engine train``."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import InputError
from ..frames import read_frames
from ..yaml_file import read_mapping
from .options import log_to_terminal

if TYPE_CHECKING:
    from ..learning.distributed import Group
    from ..learning.settings import TrainSettings

DIVERGED, OUT_OF_MEMORY = 3, 4
"""Exit statuses of a training that comes to nothing."""


def _settings_of(path: str | None, flags: dict[str, Any]) -> dict[str, Any]:
    values = {} if path is None else read_mapping(Path(path))
    values = {**values, **{key: value for key, value in flags.items() if value is not None}}
    if "seed" not in values:
        raise InputError("--seed", "no seed is given", "give --seed, or seed in --settings: randomness is an input")
    return values


@click.command("train")
@click.argument("dataset", metavar="DATASET")
@click.argument("outdir", metavar="OUTDIR")
@click.option(
    "--potential",
    "specification",
    required=True,
    metavar="SPEC",
    help="What to train: mattersim:NAME_OR_FILE or mtp:FILE to go on from, mattersim:new:JSON or mtp:new:JSON.",
)
@click.option("--settings", type=str, help="YAML or JSON file of all settings; flags have the last word.")
@click.option("--epochs", type=int, help="Passes over the data (MTP: L-BFGS iterations).  [default: 50; MTP: 1000]")
@click.option("--learning-rate", type=float, help="Learning rate of the first epoch.  [default: 2e-4]")
@click.option("--batch-size", type=int, help="Structures per step.  [default: 16]")
@click.option("--seed", type=int, help="Seed of the split, the order and new weights (required here or in --settings).")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", help="Where to compute.")
@click.option("--threads", type=click.IntRange(min=1), default=1, help="Threads of each process.")
@click.option(
    "--processes", type=click.IntRange(min=1), default=1, help="Processes that share each batch (CPUs, or a GPU each)."
)
def command(
    dataset: str,
    outdir: str,
    specification: str,
    settings: str | None,
    epochs: int | None,
    learning_rate: float | None,
    batch_size: int | None,
    seed: int | None,
    device: str,
    threads: int,
    processes: int,
) -> None:
    """Train or finetune a potential on the labelled frames of DATASET.

    Writes model.pth or model.mtp (with model.mtp.json) and metrics.json into OUTDIR. An interrupted training goes on
    from its checkpoint in OUTDIR. Exit status 3: the training diverges at every learning rate tried; 4: not even one
    structure at a time fits into the memory.
    """
    from ..learning.distributed import device_of, helped_by
    from ..learning.errors import TrainingDivergedError, TrainingMemoryError
    from ..learning.load import load_learner
    from ..learning.metrics import table_of
    from ..learning.settings import TrainSettings
    from ..learning.train import train

    log_to_terminal()
    flags = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed}
    values = TrainSettings.parse(_settings_of(settings, flags))
    frames = read_frames(dataset, "DATASET")
    shared = (dataset, specification, values, Path(outdir), device, threads)
    try:
        with helped_by(_help_training, processes, device, *shared) as group:
            mine = device_of(0, device) if processes > 1 else device
            learner = load_learner(specification, frames, seed=values.seed, device=mine, threads=threads, group=group)
            metrics = train(frames, learner, values, Path(outdir), _print_epoch)
    except (TrainingDivergedError, TrainingMemoryError) as error:
        click.echo(f"anhcsp-engine: {error}", err=True)
        sys.exit(DIVERGED if isinstance(error, TrainingDivergedError) else OUT_OF_MEMORY)
    click.echo(table_of(metrics))


def _help_training(
    group: Group, dataset: str, specification: str, settings: TrainSettings, outdir: Path, device: str, threads: int
) -> None:
    """The same training in another process; what it writes is thrown away."""
    from ..learning.distributed import device_of
    from ..learning.load import load_learner
    from ..learning.train import train

    frames = read_frames(dataset, "DATASET")
    with tempfile.TemporaryDirectory() as scratch:
        if (outdir / "checkpoint.pth").is_file():
            shutil.copy(outdir / "checkpoint.pth", scratch)
        mine = device_of(group.rank, device)
        learner = load_learner(specification, frames, seed=settings.seed, device=mine, threads=threads, group=group)
        train(frames, learner, settings, Path(scratch), lambda record: None)


def _print_epoch(record: dict[str, Any]) -> None:
    parts = (f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in record.items())
    click.echo("  ".join(parts))
