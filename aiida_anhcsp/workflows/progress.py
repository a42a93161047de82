"""What a search knows about itself, from its ranked population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ase import Atoms

from ..engine.search.loop import Generation, summary
from ..engine.search.rank import is_relaxed


def knowledge(population: Sequence[Atoms], generation: int) -> Generation:
    """The row of the history that an engine search has after a generation.

    It is made from the ranked population of now: after learning, all enthalpies are those of the newest potential.
    """
    earlier = [frame for frame in population if frame.info["generation"] <= generation]
    lowest = min((float(frame.info["enthalpy"]) for frame in earlier if is_relaxed(frame)), default=None)
    return replace(summary(earlier, generation), lowest_enthalpy=lowest)


def describe_change(change: Mapping[str, Mapping[str, float]]) -> str:
    """RMSE before and after finetuning, to be read."""
    units = {"energy": "meV/atom", "force": "meV/angstrom", "stress": "GPa"}
    parts = []
    for name, unit in units.items():
        values = [f"{change[when][name]:.1f}" for when in ("before", "after") if name in change.get(when, {})]
        if values:
            parts.append(f"{name} {' -> '.join(values)} {unit}")
    return ", ".join(parts) or "unknown"
