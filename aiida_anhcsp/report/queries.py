"""Questions to the graph: origins of structures and free energies, what is known of a formula, what has changed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiida.common.links import LinkType
from aiida.orm import ProcessNode, QueryBuilder, WorkChainNode
from ase import Atoms
from ase.formula import Formula

from ..data.population import PopulationData
from ..data.potential import PotentialData
from ..engine.errors import InputError
from ..engine.search.fingerprint import distance, fingerprint
from ..engine.search.rank import is_relaxed, lowest, rank
from ..engine.search.settings import DuplicateRule
from .processes import entry_point_of
from .provenance import sources_of
from .searches import relaxed_by_generation, searches_of, settings_of

PRESSURE_TOLERANCE = 0.05
"""GPa within which two pressures are one."""


@dataclass(frozen=True)
class Training:
    """One training of a potential: what came out, where it started, and the labels it learned from."""

    potential: PotentialData
    start: PotentialData | None
    dataset: PopulationData
    job: ProcessNode


@dataclass(frozen=True)
class Known:
    """A relaxed structure of some search in the profile."""

    search: ProcessNode
    frame: Atoms


@dataclass(frozen=True)
class Pair:
    """One structure as each of two runs has it, None where that run has not."""

    before: Atoms | None
    after: Atoms | None


def ancestry(search: ProcessNode, identity: str) -> list[Known]:
    """A structure of a search and all its ancestors, the youngest first; the last ones have no parents.

    A seed leads on into the earlier run whose population the seeds are, where that is in the profile.

    :param search: ``anhcsp.search``
    :param identity: ``id`` of the structure, such as ``g003-0017``
    :raises InputError: the search made no such structure.
    """
    made = {search.pk: _made_by(search)}
    if identity not in made[search.pk]:
        raise InputError(
            "ID", f"search {search.pk} made no structure {identity}", f"see aiida-anhcsp ranking {search.pk}"
        )
    line: dict[tuple[int, str], Known] = {}
    waiting = [(search, identity)]
    while waiting:
        where, name = waiting.pop(0)
        if where.pk not in made:
            made[where.pk] = _made_by(where)
        frame = made[where.pk].get(name)
        if frame is None or (where.pk, name) in line:
            continue
        line[where.pk, name] = Known(where, frame)
        waiting += [(where, parent) for parent in parents_of(frame)]
        if "seed_of" in frame.info and (earlier := _earlier_search(where, str(frame.info["seed_of"]))) is not None:
            waiting.append((earlier, str(frame.info["seed_of"])))
    return list(line.values())


def _made_by(search: ProcessNode) -> dict[str, Atoms]:
    """What a search has relaxed, symmetrised copies included, by identity."""
    made = [*relaxed_by_generation(search).values(), *relaxed_by_generation(search, "symmetrised").values()]
    return {str(frame.info["id"]): frame for frames in made for frame in frames}


def _earlier_search(search: ProcessNode, identity: str) -> ProcessNode | None:
    """The search that the seed of this identity comes from; None where the seeds are of no run of searches."""
    seeds: PopulationData = search.inputs.seeds
    run = None if seeds.creator is None else seeds.creator.caller
    while run is not None and not searches_of(run):
        run = run.caller
    if run is None:
        return None
    pressures = {settings_of(earlier).pressure for earlier in searches_of(run)}
    pressure = seeds.get_frame(identity).info.get("pressure") if len(pressures) > 1 else None
    return search_at(run, pressure)


def parents_of(frame: Atoms) -> list[str]:
    """Identities of a structure's parents, none for a random one."""
    return str(frame.info.get("parents", "")).replace(",", " ").split()


def search_at(run: ProcessNode, pressure: float | None = None) -> ProcessNode:
    """The search of a run at a pressure (GPa); the last one where several were made.

    :raises InputError: there is none, or several at different pressures and ``pressure`` is not given.
    """
    searches = searches_of(run)
    pressures = [settings_of(search).pressure for search in searches]
    if pressure is None and len(set(pressures)) > 1:
        raise InputError("--pressure", "the run has several", f"give one of {', '.join(f'{p:g}' for p in pressures)}")
    found = [
        search
        for search, value in zip(searches, pressures, strict=True)
        if pressure is None or abs(value - pressure) < PRESSURE_TOLERANCE
    ]
    if not found:
        raise InputError("PK", f"run {run.pk} has no such search", f"see aiida-anhcsp report {run.pk}")
    return found[-1]


def trainings_of(potential: PotentialData) -> list[Training]:
    """The trainings that made a potential, the latest first, down to the one that was imported."""
    trainings = []
    current: PotentialData | None = potential
    while current is not None and current.creator is not None:
        job = current.creator
        start = job.inputs.potential if "potential" in job.inputs else None
        trainings.append(Training(current, start, job.inputs.dataset, job))
        current = start
    return trainings


def behind_free_energy(run: ProcessNode, row: Mapping[str, Any]) -> dict[str, Any]:
    """What a free energy of the ranking rests on.

    :param row: of the ranking of ``anhcsp.csp`` or of a search, or of a phase diagram
    :return: ``sources`` (nodes by what they give), ``potential``, its ``sha256``, its ``trainings``
    :raises InputError: the run has no potential.
    """
    (sources,) = sources_of(run, [row])
    potential = sources.get("potential")
    if not isinstance(potential, PotentialData):
        raise InputError("PK", f"run {run.pk} has no potential", "give the PK of a search or of the whole path")
    return {
        "sources": sources,
        "potential": potential,
        "sha256": potential.base.attributes.get("sha256"),
        "trainings": trainings_of(potential),
    }


def structures_of(formula: str, pressure: float, below: float = float("inf")) -> list[Known]:
    """All relaxed structures of a formula at a pressure below an enthalpy, over all searches of the profile.

    :param formula: any multiple of the formula unit: ``H3S`` finds ``H6S2`` too
    :param pressure: GPa
    :param below: eV/atom; enthalpies of different potentials have different zeros
    :return: lowest first
    """
    wanted = reduced(formula)
    found = [
        Known(search, frame)
        for search, population in _populations(pressure)
        for frame in population.get_frames()
        if is_relaxed(frame) and frame.info["enthalpy"] < below and reduced(frame.get_chemical_formula()) == wanted
    ]
    return sorted(found, key=lambda known: (known.frame.info["enthalpy"], known.search.pk, known.frame.info["id"]))


def changed_between(first: ProcessNode, second: ProcessNode) -> list[Pair]:
    """What another potential changed: the structures of two runs side by side, in the order of the first run.

    Two relaxations of one population are compared by ``id``, failures and duplicates included; other runs by crystal:
    two distinct structures of one formula are one where their fingerprints are, nearest first, whatever their volumes
    and enthalpies, which are the potentials' own.

    :param first: ``anhcsp.search``, ``anhcsp.csp`` or ``anhcsp.relax``
    :return: frames with ``rank`` and ``enthalpy`` (eV/atom), where they have one
    :raises InputError: a run has no population.
    """
    before, after = ranked_frames(first), ranked_frames(second)
    if started_alike(first, second):
        names = {str(frame.info["id"]): place for place, frame in enumerate(after)}
        found = [str(frame.info["id"]) for frame in before]
        partners = {place: names[name] for place, name in enumerate(found) if name in names}
    else:
        before, after = lowest(before), lowest(after)
        partners = same_crystals(before, after)
    pairs = [Pair(frame, after[partners[i]] if i in partners else None) for i, frame in enumerate(before)]
    taken = set(partners.values())
    return [*pairs, *(Pair(None, frame) for i, frame in enumerate(after) if i not in taken)]


def ranked_frames(run: ProcessNode) -> list[Atoms]:
    """The structures of a run, lowest rank first, those without one last.

    :raises InputError: the run has no population.
    """
    if "population" not in run.outputs:
        raise InputError("PK", f"run {run.pk} has no structures", "give the PK of a search, a relaxation or a csp run")
    frames = run.outputs.population.get_frames()
    if not any("rank" in frame.info for frame in frames):
        frames = rank(frames)
    return sorted(frames, key=lambda frame: (frame.info.get("rank", len(frames) + 1), frame.info["id"]))


def started_alike(first: ProcessNode, second: ProcessNode) -> bool:
    """Whether two runs are relaxations of one population."""
    if {entry_point_of(first), entry_point_of(second)} != {"anhcsp.relax"}:
        return False
    digests = {run.inputs.population.base.attributes.get("sha256") for run in (first, second)}
    return len(digests) == 1


def same_crystals(before: Sequence[Atoms], after: Sequence[Atoms]) -> dict[int, int]:
    """Places in ``after`` of the structures of ``before``, for those that are there; each is taken once."""
    elements = sorted({symbol for frame in (*before, *after) for symbol in frame.symbols})
    old, new = ([(reduced(f.get_chemical_formula()), fingerprint(f, elements)) for f in run] for run in (before, after))
    near = sorted(
        (float(distance(old[i][1], new[j][1])), i, j)
        for i, j in itertools.product(range(len(old)), range(len(new)))
        if old[i][0] == new[j][0]
    )
    found: dict[int, int] = {}
    for apart, i, j in near:
        if apart <= DuplicateRule().fingerprint and i not in found and j not in found.values():
            found[i] = j
    return found


def reduced(formula: str) -> str:
    """A formula in its smallest numbers, elements in Hill's order.

    :raises InputError: it is no formula.
    """
    try:
        return Formula(formula).reduce()[0].format("hill")
    except ValueError as error:
        raise InputError("FORMULA", f"{formula!r} is none ({error})", "write it like H3S") from error


def _populations(pressure: float) -> Iterator[tuple[ProcessNode, PopulationData]]:
    query = QueryBuilder().append(
        WorkChainNode, filters={"process_type": {"like": "%anhcsp.search"}}, tag="search", project="*"
    )
    query.append(
        PopulationData,
        with_incoming="search",
        edge_filters={"type": LinkType.RETURN.value, "label": "population"},
        filters={
            "and": [
                {"attributes.pressure": {">": pressure - PRESSURE_TOLERANCE}},
                {"attributes.pressure": {"<": pressure + PRESSURE_TOLERANCE}},
            ]
        },
        project="*",
    )
    yield from query.iterall()
