"""What happens to populations between jobs: merge, rank, pick."""

from __future__ import annotations

from aiida.engine import calcfunction
from aiida.orm import Dict, Str, StructureData

from ...data.population import PopulationData
from ...engine.frames import bare
from ...engine.search.rank import lowest, rank
from ...engine.search.seeds import with_seeds
from ...engine.search.settings import SearchSettings
from ...engine.search.symmetrise import symmetrised
from ...engine.search.unphysical import set_aside_unphysical


@calcfunction
def merge_populations(**populations: PopulationData) -> PopulationData:
    """All frames of the populations, one after the other in the order of their names."""
    return PopulationData.from_frames(frame for name in sorted(populations) for frame in populations[name].get_frames())


@calcfunction
def judge_population(population: PopulationData, settings: Dict) -> PopulationData:
    """The same relaxed frames; ghost minima and structures with impossible distances have the status ``unphysical``.

    :param settings: the keys of SEARCH.yaml
    """
    judged = set_aside_unphysical(population.get_frames(), SearchSettings.parse(settings.get_dict()))
    return PopulationData.from_frames(judged)


@calcfunction
def rank_population(population: PopulationData, settings: Dict) -> PopulationData:
    """The same frames in the same order, with ``rank``, ``fitness`` and ``duplicate_of``.

    :param settings: the keys of SEARCH.yaml
    """
    return PopulationData.from_frames(rank(population.get_frames(), SearchSettings.parse(settings.get_dict())))


@calcfunction
def lowest_of(population: PopulationData, settings: Dict) -> PopulationData:
    """The lowest distinct structures of a ranked population, lowest first.

    :param settings: ``number`` of them, at most
    """
    return PopulationData.from_frames(lowest(population.get_frames(), int(settings["number"])))


@calcfunction
def add_seeds(population: PopulationData, seeds: PopulationData, settings: Dict) -> PopulationData:
    """The first generation followed by seeds, which take identities of that generation and the operator ``seed``.

    :param settings: the keys of SEARCH.yaml
    """
    search = SearchSettings.parse(settings.get_dict())
    return PopulationData.from_frames(with_seeds(population.get_frames(), seeds.get_frames(), search))


@calcfunction
def symmetrise_lowest(population: PopulationData, settings: Dict) -> PopulationData:
    """Copies of the lowest structures in the symmetry that a looser tolerance sees; there is at least one.

    :param settings: the keys of SEARCH.yaml, for ``symmetrise``
    """
    number = SearchSettings.parse(settings.get_dict()).symmetrise
    return PopulationData.from_frames(symmetrised(population.get_frames(), number))


@calcfunction
def population_of_structures(**structures: StructureData) -> PopulationData:
    """Structures as frames without info, in the order of their names."""
    return PopulationData.from_frames(structures[name].get_ase() for name in sorted(structures))


@calcfunction
def extract_structure(population: PopulationData, identity: Str) -> StructureData:
    """One frame as a structure, labelled with its identity.

    :raises ValueError: no frame has this identity.
    """
    structure = StructureData(ase=bare(population.get_frame(identity.value)))
    structure.label = identity.value
    return structure
