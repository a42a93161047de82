"""Names and states of the children of work chains that run at several pressures and temperatures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiida.engine import ToContext
from aiida.orm import ProcessNode

from ..data.population import PopulationData


def tag(pressure: float) -> str:
    """A pressure in a link label: ``p130``, ``p112_5``."""
    return "p" + linkable(f"{pressure:g}")


def name_of(run: Mapping[str, Any]) -> str:
    """A run in a link label, by ``pressure``, ``temperature`` and ``id``: ``p130_t0_g003_0017``."""
    return f"{tag(run['pressure'])}_t{linkable(format(run['temperature'], 'g'))}_{linkable(run['id'])}"


INITIAL = -1
"""The number, among those of the generations, of what a search does before its first."""


def generation_label(generation: int, step: str) -> str:
    """Call link label of a generation's child for a step: ``generation_003_relax``; ``initial_label`` before all."""
    return f"initial_{step}" if generation == INITIAL else f"generation_{generation:03d}_{step}"


def training_name(stage: int) -> str:
    """A stage of the joint training in a link label: ``finetune``, then ``finetune_2``."""
    return f"finetune_{stage + 1}" if stage else "finetune"


def linkable(text: str) -> str:
    """Text with the characters that a link label may have."""
    return re.sub("[^a-zA-Z0-9]", "_", text.replace("-", "m", 1) if text.startswith("-") else text)


def listed(nodes: Sequence[ProcessNode]) -> str:
    """Children, to be read."""
    return ", ".join(f"{node.label} <{node.pk}>" for node in nodes)


def awaited(nodes: Sequence[ProcessNode]) -> ToContext:
    """Wait for all of these children."""
    return ToContext(**{f"child_{index}": node for index, node in enumerate(nodes)})


def has_structures(node: ProcessNode) -> bool:
    """Whether a child came to structures with an enthalpy."""
    if "population" not in node.outputs:
        return False
    population: PopulationData = node.outputs.population
    return "lowest_enthalpy" in population.base.attributes.all


def reason_of(node: ProcessNode) -> str:
    """Why a child failed, without numbers of processes: what is stored must not depend on them."""
    text = str(node.exception) if node.is_excepted else (node.exit_message or "it was killed")
    return re.sub(r"<\d+>", "", text)


def describe(row: Mapping[str, Any]) -> str:
    """A row of the ranking, to be read."""
    where = f"{row['id']} {row['formula']} at {row['pressure']:g} GPa, {row['temperature']:g} K"
    if "gibbs_free_energy" not in row:
        return f"{where}: H = {row['enthalpy']:.4f} eV/atom, no free energy: {row.get('reason', 'unknown')}"
    symmetry = f"{row['spacegroup_initial']} -> {row.get('spacegroup_final', 'unknown')}"
    energy = f"G = {row['gibbs_free_energy']:.4f} +- {row['gibbs_free_energy_error']:.4f} eV/atom"
    if "hull_distance" in row:
        distance = f"{1000 * row['hull_distance']:.1f} +- {1000 * row['hull_distance_error']:.1f} meV/atom"
        energy += f", {distance} above the hull, on it with probability {row['stable']:.2f}"
    return f"{where}: H = {row['enthalpy']:.4f}, {energy}, {symmetry}" + ("" if row["converged"] else ", not converged")
