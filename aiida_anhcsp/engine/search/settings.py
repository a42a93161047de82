"""Settings of a search: the keys of ``SEARCH.yaml`` and of the work chain's ``settings``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import entry_points
from typing import Any, Literal

from ase.data import atomic_numbers
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..errors import InputError
from ..refusals import problems_of
from .composition import Composition, Limits, compositions, compositions_within, parse_formula, parse_formula_units
from .distances import DistanceTable, distance_table
from .volumes import VOLUME_SPREAD, volume_per_atom


class Section(BaseModel):
    """A group of keys: unknown keys are refused, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RelaxKeys(Section):
    """Convergence of the relaxations."""

    fmax: float = Field(
        default=0.01, gt=0, description="Largest force, stress included as in ASE's FrechetCellFilter, eV/A."
    )
    max_steps: int = Field(default=500, ge=1, description="Steps after which a relaxation is given up.")


class OperatorWeights(Section):
    """Shares of a generation made at random and by each operator: only ratios count, and what is not named is off."""

    random: float = Field(default=0, ge=0, description="New symmetric random structures.")
    heredity: float = Field(default=0, ge=0, description="Cut and splice of two parents.")
    softmutation: float = Field(default=0, ge=0, description="One parent moved along a soft mode.")
    strain: float = Field(default=0, ge=0, description="Strained lattice of one parent.")
    permutation: float = Field(default=0, ge=0, description="Unlike atoms of one parent exchanged.")
    ripple: float = Field(default=0, ge=0, description="Atoms of one parent shifted by standing waves.")
    rattle: float = Field(default=0, ge=0, description="Atoms of one parent displaced.")
    transmute: float = Field(default=0, ge=0, description="Atoms of one parent turned into another element.")
    add: float = Field(default=0, ge=0, description="Atoms put into the holes of one parent.")
    remove: float = Field(default=0, ge=0, description="Atoms taken out of one parent.")


class DuplicateRule(Section):
    """Two structures of one formula are duplicates when they agree within these tolerances."""

    fingerprint: float = Field(default=0.01, ge=0, le=1, description="Cosine distance of the fingerprints, 0 to 1.")
    enthalpy: float = Field(default=0.003, ge=0, description="Difference of enthalpy, eV/atom.")
    volume: float = Field(default=0.02, ge=0, description="Difference of volume per atom, relative to the mean.")
    symmetry: tuple[float, ...] = Field(
        default=(0.01, 0.05, 0.1, 0.2),
        description="Tolerances, angstrom: those of converged structures must have one space group in common; none: "
        "space groups are not compared.",
    )

    @field_validator("symmetry")
    @classmethod
    def _positive(cls, tolerances: tuple[float, ...]) -> tuple[float, ...]:
        if any(tolerance <= 0 for tolerance in tolerances):
            raise ValueError("a tolerance is not positive")
        return tolerances


class Antiseeds(Section):
    """Gaussian penalties at the best structure of each generation, which drive parents away from where it has been."""

    weight: float = Field(gt=0, description="Height, eV/atom.")
    width: float = Field(default=0.05, gt=0, description="Standard deviation, cosine distance of fingerprints.")


class CompositionLimits(Section):
    """A search over compositions, ranked by distance from the convex hull."""

    elements: dict[str, str | int] = Field(min_length=2, description="Atoms of each element in a cell, as {Cu: 0-8}.")
    atoms: str | int = Field(description="Atoms in a cell, as 2-8; with ends, those of the formulas added.")
    charges: dict[str, float] | None = Field(default=None, description="Charge of each element: cells are neutral.")
    ends: list[str] | None = Field(
        default=None, min_length=2, description="Only multiples of these formulas added, as [MgH2, CaH2]."
    )
    ratios: dict[str, str | float] = Field(
        default={}, description="Atoms of one element for each of another, as {H/Mg: 2-12}; the elements alone remain."
    )


class StopKeys(Section):
    """When a search ends before its last generation."""

    generations_without_better: int | None = Field(
        default=None, ge=1, description="Generations without a lower enthalpy, or hull at any composition."
    )
    better_by: float = Field(default=0.001, ge=0, description="What counts as lower, eV/atom.")
    target_distance: float = Field(
        default=0.01, ge=0, le=1, description="Cosine distance of fingerprints at which the target is found."
    )


ENTHALPY, HULL_DISTANCE, GIBBS = "enthalpy", "hull_distance", "gibbs"
FITNESS_GROUP = "anhcsp.fitness"
"""Entry points of users' own fitness functions."""

DEFAULT_WEIGHTS = OperatorWeights(
    random=0.35,
    heredity=0.15,
    softmutation=0.20,
    strain=0.15,
    permutation=0.15,
    ripple=0.15,
    transmute=0.15,
    add=0.1,
    remove=0.1,
)
"""What an operator cannot do with the compositions of a search goes to the others."""
OVER_COMPOSITIONS = DEFAULT_WEIGHTS.model_copy(update={"random": 1.0})
"""Where random structures are shared among many compositions."""

AFTER_MAKING = frozenset({"relax", "duplicates", "stop", "symmetrise"})
OF_OFFSPRING = frozenset(
    {"operators", "adaptation", "mating", "symmetric_parents", "soft_modes", "antiseeds", "niching"}
)


OF_THE_FIRST = frozenset({"prototypes"})


class SearchSettings(Section):
    """What to search for, and how."""

    formula: str | None = Field(default=None, description="Formula unit, taken as written: Si16 is sixteen atoms.")
    composition: CompositionLimits | None = Field(
        default=None, description="Instead of a formula: the limits of a search over compositions."
    )
    fitness: str | None = Field(
        default=None,
        description="What ranks: enthalpy, hull_distance (the default over compositions), gibbs, or the name of an "
        "entry point of the group anhcsp.fitness.",
    )
    formula_units: str | int = Field(default="1", description="Formula units in a cell: 1, or a range such as 1-4.")
    pressure: float = Field(default=0.0, ge=-100, le=10_000, description="Pressure, GPa.")
    potential: str | None = Field(
        default=None, description="Potential specification; the work chain has a port instead."
    )
    population: int = Field(ge=1, description="Structures in a generation.")
    generations: int = Field(ge=1, description="Generations, the first random one included.")
    max_relaxations: int | None = Field(
        default=None, ge=1, description="Structures that the generations relax, seeds and prototypes too."
    )
    seed: int = Field(ge=0, description="Seed of all randomness.")
    relax: RelaxKeys = Field(default=RelaxKeys(), description="When a relaxation ends: fmax and max_steps.")
    minimum_distances: dict[str, float] = Field(
        default={}, description="Shortest distances by pair, as H-S: 1.1, angstrom."
    )
    displacement: float = Field(
        default=0.05, ge=0, description="Displacement that takes the symmetry off new structures, angstrom."
    )
    without_symmetry: float = Field(
        default=0, ge=0, le=1, description="Share of random structures in P1; the others draw among all space groups."
    )
    subcells: float = Field(
        default=0,
        ge=0,
        le=1,
        description="Of one formula, share of random structures made in a half, a third, ... of the cell and repeated.",
    )
    candidates: int = Field(
        default=1,
        ge=1,
        description="Random structures, or cuts of two parents, for each that is relaxed: the lowest after five steps.",
    )
    seeds: str | None = Field(
        default=None, description="File of structures that join the first generation; the work chain has a port."
    )
    prototypes: int = Field(
        default=0,
        ge=0,
        description="Known structure types with the elements of the search that join the first generation.",
    )
    target: str | None = Field(
        default=None, description="File of a structure at which the search ends; the work chain has a port."
    )
    operators: OperatorWeights = Field(
        default=DEFAULT_WEIGHTS, description="Weights of the operators; if given, what is not named is off."
    )
    adaptation: float = Field(
        default=0.45, ge=0, le=1, description="Share of success in the rates of the operators; 0 keeps the weights."
    )
    mating: float = Field(
        default=0.3,
        gt=0,
        le=1,
        description="Share of the candidates, nearest by fingerprint, from which a second parent is drawn.",
    )
    symmetric_parents: float = Field(
        default=0,
        ge=0,
        description="Tolerance within which the parents of a cut are made symmetric, angstrom; 0 is off.",
    )
    soft_modes: Literal["springs", "potential"] = Field(
        default="springs", description="What the soft-mode mutation takes its modes from."
    )
    antiseeds: Antiseeds | None = Field(default=None, description="Penalties near the best of each generation.")
    niching: float = Field(
        default=0.05, ge=0, le=1, description="Fingerprint distance within which only the lowest becomes a parent."
    )
    duplicates: DuplicateRule = Field(default=DuplicateRule(), description="When two structures are one.")
    stop: StopKeys = Field(default=StopKeys(), description="When the search ends before its last generation.")
    symmetrise: int = Field(
        default=0, ge=0, description="Lowest structures that are symmetrised and relaxed again at the end."
    )

    @model_validator(mode="before")
    @classmethod
    def _weights_over_compositions(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("composition") is not None:
            return {"operators": OVER_COMPOSITIONS, **values}
        return values

    @field_validator("operators")
    @classmethod
    def _some_weight(cls, weights: OperatorWeights) -> OperatorWeights:
        if not any(weights.model_dump().values()):
            raise ValueError("all weights are zero")
        return weights

    @classmethod
    def parse(cls, mapping: Mapping[str, Any]) -> SearchSettings:
        """Settings from a mapping such as a YAML file holds.

        :raises InputError: a key is unknown, missing or out of range, or the formula or a distance is impossible.
        """
        try:
            settings = cls.model_validate(dict(mapping))
        except ValidationError as error:
            raise problems_of(cls, error)[0] from error
        if settings.formula is None and settings.composition is None:
            raise InputError("formula", "missing", "add this key, or composition for a search over compositions")
        if settings.formula is not None and settings.composition is not None:
            raise InputError("composition", "given beside formula", "keep one of the two")
        settings._require_use()
        settings._require_room()
        settings._require_fitness()
        if settings.number_in(0) == 0:
            problem = f"{settings.max_relaxations} leaves none beside {settings.prototypes} prototypes"
            raise InputError("max_relaxations", problem, "raise it, or lower prototypes")
        return settings

    def _require_use(self) -> None:
        if parse_formula_units(self.formula_units) != (1,) and self.variable:
            raise InputError("formula_units", "not used over compositions", "remove it; composition.atoms limits cells")
        if self.subcells and self.variable:
            raise InputError("subcells", "not used over compositions", "remove it, or give formula instead")

    def _require_room(self) -> None:
        """Refuse what no first generation could be made of; an element alone that has no room leaves no hull."""
        cells, table = self.compositions(), self.distance_table()
        for cell in cells:
            largest = volume_per_atom(cell, self.pressure) * cell.n_atoms * (1.0 + VOLUME_SPREAD)
            table.require_room(cell, largest, self.pressure)

    def _require_fitness(self) -> None:
        if self.fitness == ENTHALPY and self.variable:
            raise InputError("fitness", "enthalpies of different compositions do not compare", f"use {HULL_DISTANCE}")
        if self.fitness == HULL_DISTANCE and not self.variable:
            raise InputError("fitness", "one formula has no hull", f"use {ENTHALPY}, or composition instead of formula")
        if self.fitness == GIBBS and self.variable:
            raise InputError("fitness", "gibbs ranks structures of one formula", "give formula instead of composition")
        if self.fitness == GIBBS and self.symmetrise:
            raise InputError("symmetrise", "not with fitness: gibbs, SSCHA keeps the symmetry it finds", "remove it")
        own = (ENTHALPY, HULL_DISTANCE, GIBBS)
        if self.ranked_by not in own and self.fitness not in (theirs := entry_points(group=FITNESS_GROUP).names):
            known = ", ".join((*own, *sorted(theirs)))
            raise InputError("fitness", f"{self.fitness!r} is unknown", f"give one of {known}")

    @property
    def ranked_by(self) -> str:
        """What the fitness is: the ``fitness`` that is given, or the default one."""
        return self.fitness or (HULL_DISTANCE if self.variable else ENTHALPY)

    @property
    def soft_modes_of_potential(self) -> bool:
        """Whether the soft modes of parents are those of the potential."""
        return self.soft_modes == "potential"

    def makes_with_potential(self, generation: int) -> bool:
        """Whether the making of a generation evaluates the potential."""
        return self.candidates > 1 or (generation > 0 and self.soft_modes_of_potential)

    @property
    def variable(self) -> bool:
        """Whether the composition is searched for, too."""
        return self.composition is not None

    @property
    def elements(self) -> tuple[str, ...]:
        """All elements of the search."""
        if self.composition is not None:
            return tuple(self.composition.elements)
        return tuple(parse_formula(self.formula or ""))

    @property
    def system(self) -> str:
        """What is searched for, to be read: a formula, or elements as in Mg-Ca-H."""
        return self.formula or "-".join(self.elements)

    def compositions(self) -> tuple[Composition, ...]:
        """The cells that may be generated.

        :raises InputError: formula or limits are impossible.
        """
        return self._cells

    @cached_property
    def _cells(self) -> tuple[Composition, ...]:
        limits = self.composition
        if limits is None:
            return compositions(self.formula or "", self.formula_units)
        for element in limits.elements:
            if not atomic_numbers.get(element):
                raise InputError("composition.elements", f"{element!r} is no element", "write symbols, as {Cu: 0-8}")
        if limits.charges is not None and set(limits.charges) != set(limits.elements):
            raise InputError("composition.charges", "not one for each element", f"give {', '.join(limits.elements)}")
        for end in limits.ends or ():
            if foreign := set(parse_formula(end, "composition.ends")) - set(limits.elements):
                name = ", ".join(sorted(foreign))
                raise InputError("composition.ends", f"{end} has {name}, which elements has not", "add it there")
        ends = tuple(limits.ends) if limits.ends else None
        return compositions_within(Limits(limits.elements, limits.atoms, limits.charges, ends, limits.ratios))

    def distance_table(self) -> DistanceTable:
        """Minimum distances at the search's pressure."""
        return distance_table(self.elements, self.pressure, self.minimum_distances)

    def number_in(self, generation: int) -> int:
        """Structures of a generation but for its seeds and prototypes: the population, or what ``max_relaxations``
        leaves of it beside the prototypes.
        """
        if generation >= self.generations:
            return 0
        if self.max_relaxations is None:
            return self.population
        left = self.max_relaxations - self.prototypes - generation * self.population
        return max(0, min(self.population, left))

    def most_relaxed(self, seeds: int = 0) -> int:
        """Most structures that the generations relax, with so many seeds."""
        most = self.generations * self.population + self.prototypes + seeds
        return most if self.max_relaxations is None else min(most, self.max_relaxations)


def settings_to_make(generation: int, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of SEARCH.yaml that the unrelaxed structures of a generation depend on, given those before it.

    What relaxes, ranks and ends the search is left out: where it changes, the same structures need not be made again.
    """
    unused = AFTER_MAKING | (OF_OFFSPRING if generation == 0 else OF_THE_FIRST)
    made = {key: value for key, value in mapping.items() if key not in unused} | {"generations": generation + 1}
    if generation > 0 and made.get("max_relaxations") is not None:
        made["max_relaxations"] -= mapping.get("prototypes", 0)
    return made
