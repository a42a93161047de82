"""Which free energies a population needs, and free energies put into it."""

from __future__ import annotations

import re
from typing import Any

from aiida.engine import calcfunction
from aiida.orm import Dict
from ase import Atoms

from ...data.population import PopulationData
from ...engine.search.quantum import at_common_density, followed_by, sharing, with_free_energy, without_free_energy
from ...engine.search.settings import SearchSettings


@calcfunction
def free_energies_needed(population: PopulationData, settings: Dict, **earlier: PopulationData) -> Dict:
    """Which structures of a generation go through SSCHA.

    :param earlier: the populations of the generations before, as they were relaxed at rest
    :return: by id, the id of the structure that is the same at rest, None where the free energy is to be computed
    """
    before = [frame for node in earlier.values() for frame in node.get_frames()]
    rule = SearchSettings.parse(settings.get_dict()).duplicates
    return Dict({"choice": followed_by(population.get_frames(), before, rule)})


@calcfunction
def quantum_population(population: PopulationData, runs: Dict, **nodes: Any) -> PopulationData:
    """The same frames in the same order; those that went through SSCHA with their free energy, in its structure.

    :param runs: by id: ``sscha`` and ``reason`` of what has no free energy, ``same_as``, the id of the structure whose
        free energy is taken, or nothing
    :param nodes: ``result_ID`` and ``structure_ID`` of the SSCHA runs, ``earlier``, the population of the earlier
        generations, if there is one, and ``match_q_density``, a Bool, true if left out: whether free energies are
        those at the common density of q points
    """
    frames = {str(frame.info["id"]): frame for frame in population.get_frames()}
    earlier = nodes["earlier"].get_frames() if "earlier" in nodes else []
    known: dict[str, Atoms] = {str(frame.info["id"]): frame for frame in earlier}
    shared: dict[str, str] = {}
    for name, outcome in runs.get_dict().items():
        if "same_as" in outcome:
            shared[name] = outcome["same_as"]
        elif "reason" in outcome:
            known[name] = without_free_energy(frames[name], outcome["sscha"], outcome["reason"])
        else:
            key = re.sub("[^a-zA-Z0-9]", "_", name)
            result, structure = nodes[f"result_{key}"].get_dict(), nodes[f"structure_{key}"].get_ase()
            if nodes.get("match_q_density", True):
                result = at_common_density(result)
            known[name] = with_free_energy(frames[name], result, structure)
    known |= {name: sharing(frames[name], known[other]) for name, other in shared.items()}
    return PopulationData.from_frames(known.get(name, frame) for name, frame in frames.items())
