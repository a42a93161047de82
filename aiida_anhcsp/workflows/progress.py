"""What a search knows about itself, from its ranked population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ase import Atoms

from ..engine.search.loop import Generation, height, summary
from ..engine.search.rank import is_relaxed
from ..engine.search.settings import SearchSettings


def knowledge(
    population: Sequence[Atoms], generation: int, settings: SearchSettings, target: Atoms | None = None
) -> Generation:
    """The row of the history that an engine search has after a generation.

    It is made from the ranked population of now: after learning, all enthalpies are those of the newest potential.

    :param target: adds the distance of the structure nearest to it
    """
    earlier = [frame for frame in population if frame.info["generation"] <= generation]
    lowest = min((float(frame.info["enthalpy"]) for frame in earlier if is_relaxed(frame)), default=None)
    row = replace(summary(earlier, generation, target=target), lowest_enthalpy=lowest)
    return replace(row, hull_mean=height(earlier, settings))


def describe_change(change: Mapping[str, Mapping[str, float]]) -> str:
    """RMSE before and after finetuning, to be read."""
    units = {"energy": "meV/atom", "force": "meV/angstrom", "stress": "GPa"}
    parts = []
    for name, unit in units.items():
        values = [f"{change[when][name]:.1f}" for when in ("before", "after") if name in change.get(when, {})]
        if values:
            parts.append(f"{name} {' -> '.join(values)} {unit}")
    return ", ".join(parts) or "unknown"
