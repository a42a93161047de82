"""Labelled datasets made from others, as nodes that know what they came from."""

from __future__ import annotations

from aiida.engine import calcfunction
from aiida.orm import Dict

from ...data.population import PopulationData
from ...engine.learning.collection import filtered, merge, without_duplicates
from ...engine.learning.dataset import split_by_family
from ...engine.learning.settings import Split


@calcfunction
def merge_datasets(**datasets: PopulationData) -> PopulationData:
    """All frames of the datasets in the order of their names, each geometry once.

    :raises InputError: labels of different settings
    """
    frames = merge([datasets[name].get_frames() for name in sorted(datasets)], "datasets")
    return PopulationData.from_frames(without_duplicates(frames))


@calcfunction
def filter_dataset(dataset: PopulationData, settings: Dict) -> PopulationData:
    """Frames that pass the tests in ``settings``: ``largest_force`` (eV/angstrom), ``energy_window`` (eV/atom),
    ``elements``, ``pressure`` ([lower, upper], GPa).

    :raises ValueError: none does
    """
    return PopulationData.from_frames(filtered(dataset.get_frames(), **settings.get_dict()))


@calcfunction
def split_dataset(dataset: PopulationData, settings: Dict) -> dict[str, PopulationData]:
    """``train``, ``validation`` and ``test``, distortions of one structure on one side; empty parts are absent.

    :param settings: ``validation`` and ``test`` (fractions, 0.1 each if absent), ``seed``
    """
    keys = settings.get_dict()
    seed, frames = keys.pop("seed"), dataset.get_frames()
    parts = split_by_family(frames, Split(**keys), seed)
    return {
        name: PopulationData.from_frames(frames[index] for index in indices)
        for name, indices in parts.items()
        if indices
    }
