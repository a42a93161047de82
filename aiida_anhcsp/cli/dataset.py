"""``aiida-anhcsp dataset``: labelled datasets in and out, merged, filtered and split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from aiida.cmdline.utils.decorators import with_dbenv

from ..engine.errors import InputError
from ..engine.frames import read_frames, write_frames

if TYPE_CHECKING:
    from ..data.population import PopulationData


@click.group("dataset")
def command() -> None:
    """Labelled datasets in and out, merged, filtered and split.

    Labels of different settings have different zeros of energy and are never mixed.
    """


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--origin", help="The code that labelled the frames, where the file does not say (label_origin).")
@click.option("--label-settings", help="A name or hash of its settings, where the file does not say (label_settings).")
@click.option("--label", help="What to call the dataset; the name of the file if not given.")
@with_dbenv()
def import_dataset(file: Path, origin: str | None, label_settings: str | None, label: str | None) -> None:
    """Store the labelled frames of FILE (extended XYZ, or what else ASE reads with energies and forces).

    Energies (eV) keep the zero of the code that made them.
    """
    from ..data.population import PopulationData
    from ..engine.learning.collection import merge, require_origin, without_duplicates

    frames = read_frames(file, "FILE")
    if origin is None and any("label_origin" not in frame.info for frame in frames):
        raise InputError("--origin", "the file does not say which code labelled its frames", "give --origin")
    if origin is not None:
        if label_settings is None:
            raise InputError("--label-settings", "missing", "name the settings of the labels, such as pbe-500eV")
        frames = require_origin(frames, origin, label_settings)
    kept = without_duplicates(merge([frames], "FILE"))
    node = PopulationData.from_frames(kept).store()
    node.label = label or file.stem
    _tell(node)
    if len(kept) < len(frames):
        click.echo(f"{len(frames) - len(kept)} frames were there twice")


@command.command("export")
@click.argument("dataset")
@click.argument("file", type=click.Path(path_type=Path))
@with_dbenv()
def export_dataset(dataset: str, file: Path) -> None:
    """Write DATASET (PK, UUID or label) to FILE as extended XYZ."""
    frames = _load(dataset).get_frames()
    write_frames(file, frames)
    click.echo(f"{len(frames)} frames in {file}")


@command.command("merge")
@click.argument("datasets", nargs=-1, required=True)
@click.option("--label", default="", help="What to call the result.")
@with_dbenv()
def merge_command(datasets: tuple[str, ...], label: str) -> None:
    """Merge DATASETS of the same label settings; frames that are there twice are kept once."""
    from ..calculations.functions.datasets import merge_datasets

    nodes = {f"dataset_{number:03d}": _load(dataset) for number, dataset in enumerate(datasets)}
    _made(merge_datasets(**nodes), label)


@command.command("filter")
@click.argument("dataset")
@click.option("--largest-force", type=float, help="On any atom, eV/angstrom.")
@click.option("--energy-window", type=float, help="Above the lowest frame of the same composition, eV/atom.")
@click.option("--elements", help="Chemical symbols, separated by commas; frames consist of these.")
@click.option("--pressure", type=(float, float), help="Lower and upper bound, GPa.")
@click.option("--label", default="", help="What to call the result.")
@with_dbenv()
def filter_command(
    dataset: str,
    largest_force: float | None,
    energy_window: float | None,
    elements: str | None,
    pressure: tuple[float, float] | None,
    label: str,
) -> None:
    """Keep the frames of DATASET that pass."""
    from aiida.orm import Dict

    from ..calculations.functions.datasets import filter_dataset
    from ..engine.learning.collection import filtered

    settings: dict[str, Any] = {
        "largest_force": largest_force,
        "energy_window": energy_window,
        "elements": elements.split(",") if elements else None,
        "pressure": list(pressure) if pressure else None,
    }
    settings = {key: value for key, value in settings.items() if value is not None}
    node = _load(dataset)
    if not filtered(node.get_frames(), **settings):
        raise InputError("DATASET", "no frame passes", "widen the limits")
    _made(filter_dataset(node, Dict(settings)), label)


@command.command("split")
@click.argument("dataset")
@click.option("--validation", type=click.FloatRange(0, 1, max_open=True), default=0.1, help="Fraction of the frames.")
@click.option("--test", type=click.FloatRange(0, 1, max_open=True), default=0.1, help="Fraction of the frames.")
@click.option("--seed", type=click.IntRange(min=0), required=True, help="Seed of the split.")
@with_dbenv()
def split_command(dataset: str, validation: float, test: float, seed: int) -> None:
    """Split DATASET by parent structure: distortions of one never straddle the split."""
    from aiida.orm import Dict

    from ..calculations.functions.datasets import split_dataset

    node = _load(dataset)
    parts = split_dataset(node, Dict({"validation": validation, "test": test, "seed": seed}))
    for name, part in parts.items():
        _made(part, f"{node.label or node.pk} {name}")


def _load(dataset: str) -> PopulationData:
    from aiida.common.exceptions import MultipleObjectsError, NotExistent
    from aiida.orm import load_node

    from ..data.population import PopulationData

    try:
        node = load_node(dataset)
    except (NotExistent, MultipleObjectsError, ValueError) as error:
        raise InputError("DATASET", f"no node {dataset!r}", "give the PK, UUID or label of a dataset") from error
    if not isinstance(node, PopulationData) or not node.base.attributes.get("labelled"):
        raise InputError("DATASET", f"node {dataset} holds no labels", "give the PK of a labelled population")
    return node


def _made(node: PopulationData, label: str) -> None:
    if label:
        node.label = label
    _tell(node)


def _tell(node: PopulationData) -> None:
    attributes = node.base.attributes
    origins = sorted({str(frame.info.get("label_origin")) for frame in node.get_frames()})
    click.echo(
        f"PK {node.pk}, {node.count} frames of {', '.join(attributes.get('formulas'))}, labelled by "
        f"{', '.join(origins)}, settings {', '.join(attributes.get('label_settings'))}"
    )
