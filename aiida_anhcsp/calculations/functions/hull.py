"""What a search over compositions hands on: structures near its hull, and the hull of its labels."""

from __future__ import annotations

from dataclasses import asdict

from aiida.engine import calcfunction
from aiida.orm import Dict

from ...data.population import PopulationData
from ...engine.errors import InputError
from ...engine.search.label_hull import label_hull, labelled_on_hull
from ...engine.search.near_hull import lowest_and_elements, near_hull
from ...engine.search.settings import SearchSettings


@calcfunction
def lowest_near_hull(population: PopulationData, settings: Dict) -> PopulationData:
    """The lowest distinct structures of each composition near the hull of a population ranked over compositions.

    :param settings: ``number`` of each composition, at most, and ``window`` above the hull (eV/atom)
    """
    keys = settings.get_dict()
    return PopulationData.from_frames(near_hull(population.get_frames(), keys["number"], keys["window"]))


@calcfunction
def lowest_with_elements(
    population: PopulationData, settings: Dict, labels: PopulationData | None = None
) -> PopulationData:
    """The lowest distinct structures of a population ranked over compositions, and the lowest of each element.

    :param settings: ``number`` of the former, and the ``pressure`` (GPa) of the hull of the labels
    :param labels: a dataset; the phases of its hull that are none of the others follow
    """
    chosen = lowest_and_elements(population.get_frames(), int(settings["number"]))
    if labels is not None:
        chosen += labelled_on_hull(labels.get_frames(), float(settings["pressure"]), chosen)
    return PopulationData.from_frames(chosen)


@calcfunction
def hull_of_labels(dataset: PopulationData, settings: Dict) -> Dict:
    """Hull of the labels of a search over compositions (:func:`aiida_anhcsp.engine.search.label_hull.label_hull`).

    :param settings: the keys of SEARCH.yaml, for its pressure
    :return: ``pressure`` (GPa) and ``phases``: ``formula``, ``id`` of its lowest labelled structure, ``enthalpy`` and
        ``distance`` from the hull (eV/atom), number of ``labels``; or the ``reason`` why there is no hull
    """
    pressure = SearchSettings.parse(settings.get_dict()).pressure
    try:
        phases = [asdict(phase) for phase in label_hull(dataset.get_frames(), pressure)]
    except InputError as error:
        return Dict({"pressure": pressure, "phases": [], "reason": error.problem})
    return Dict({"pressure": pressure, "phases": phases})
