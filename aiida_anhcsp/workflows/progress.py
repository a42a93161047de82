"""What a search knows about itself, from its ranked population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ase import Atoms

from ..engine.search.hull import ON_HULL, formula_of
from ..engine.search.loop import Generation, hull_fall, lowest_fitness, summary
from ..engine.search.rank import lowest
from ..engine.search.settings import SearchSettings


def knowledge(
    population: Sequence[Atoms], generation: int, relaxed: int, settings: SearchSettings, target: Atoms | None = None
) -> Generation:
    """The row of the history that an engine search has after a generation, as far as the end depends on it.

    It is made from the ranked population of now: after learning, all enthalpies are those of the newest potential, and
    of most structures nothing is left but how many were relaxed.

    :param relaxed: structures of the generation that came to what ranks them
    :param target: adds the distance of the structure nearest to it
    """
    earlier = [frame for frame in population if frame.info["generation"] <= generation]
    return replace(
        summary(earlier, generation, target=target),
        relaxed=relaxed,
        hull_fall=hull_fall(earlier, generation, settings),
        lowest_fitness=lowest_fitness(earlier, settings),
    )


def lowest_free_energy(population: Sequence[Atoms]) -> str:
    """The lowest Gibbs free energy of a ranked population, to be read."""
    best = next(iter(lowest(population, 1)), None)
    if best is None:
        return "Gibbs free energy none yet"
    info = best.info
    return (
        f"Gibbs free energy {info['gibbs_free_energy']:.4f} +- {info['gibbs_free_energy_error']:.4f} eV/atom "
        f"({info['id']}, {info['spacegroup']} -> {info['spacegroup_final']})"
    )


def hull_phases(population: Sequence[Atoms]) -> str:
    """The compounds on the hull of a population ranked by hull distance, to be read."""
    on_hull = [frame for frame in lowest(population) if float(frame.info["fitness"]) < ON_HULL]
    if not on_hull:
        return "no hull yet"
    compounds = sorted({formula_of(frame).reduced_formula for frame in on_hull if len(set(frame.numbers)) > 1})
    return f"on the hull {', '.join(compounds)}" if compounds else "no compound on the hull"


def describe_change(change: Mapping[str, Mapping[str, float]]) -> str:
    """RMSE before and after finetuning, to be read."""
    units = {"energy": "meV/atom", "force": "meV/angstrom", "stress": "GPa"}
    parts = []
    for name, unit in units.items():
        values = [f"{change[when][name]:.1f}" for when in ("before", "after") if name in change.get(when, {})]
        if values:
            parts.append(f"{name} {' -> '.join(values)} {unit}")
    return ", ".join(parts) or "unknown"
