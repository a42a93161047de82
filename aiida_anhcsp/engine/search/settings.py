"""Settings of a search: the keys of ``SEARCH.yaml`` and of the work chain's ``settings``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..errors import InputError
from .composition import Composition, compositions, parse_formula, parse_formula_units
from .distances import DistanceTable, distance_table


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
    strain: float = Field(default=0, ge=0, description="Strained lattice of one parent.")
    permutation: float = Field(default=0, ge=0, description="Unlike atoms of one parent exchanged.")
    rattle: float = Field(default=0, ge=0, description="Atoms of one parent displaced.")


class DuplicateRule(Section):
    """Two structures of one formula are duplicates when all three differences are within these tolerances."""

    fingerprint: float = Field(default=0.01, ge=0, le=1, description="Cosine distance of the fingerprints, 0 to 1.")
    enthalpy: float = Field(default=0.003, ge=0, description="Difference of enthalpy, eV/atom.")
    volume: float = Field(default=0.02, ge=0, description="Difference of volume per atom, relative to the mean.")


class StopKeys(Section):
    """When a search ends before its last generation."""

    generations_without_better: int | None = Field(
        default=None, ge=1, description="Generations without a lower enthalpy."
    )
    better_by: float = Field(default=0.001, ge=0, description="What counts as lower, eV/atom.")


class SearchSettings(Section):
    """What to search for, and how."""

    formula: str = Field(description="Formula unit, taken as written: Si16 is sixteen atoms.")
    formula_units: str | int = Field(default="1", description="Formula units in a cell: 1, or a range such as 1-4.")
    pressure: float = Field(default=0.0, description="Pressure, GPa.")
    potential: str | None = Field(
        default=None, description="Potential specification; the work chain has a port instead."
    )
    population: int = Field(ge=1, description="Structures in a generation.")
    generations: int = Field(ge=1, description="Generations, the first random one included.")
    max_relaxations: int | None = Field(default=None, ge=1, description="Relaxations in the whole search.")
    seed: int = Field(ge=0, description="Seed of all randomness.")
    relax: RelaxKeys = RelaxKeys()
    minimum_distances: dict[str, float] = Field(
        default={}, description="Shortest distances by pair, as H-S: 1.1, angstrom."
    )
    operators: OperatorWeights = OperatorWeights(random=0.5, heredity=0.4, strain=0.1)
    niching: float = Field(
        default=0.05, ge=0, le=1, description="Fingerprint distance within which only the lowest becomes a parent."
    )
    duplicates: DuplicateRule = DuplicateRule()
    stop: StopKeys = StopKeys()

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
            raise _first_problem(error) from error
        parse_formula(settings.formula)
        parse_formula_units(settings.formula_units)
        settings.distance_table()
        return settings

    def compositions(self) -> tuple[Composition, ...]:
        """The cells that may be generated."""
        return compositions(self.formula, self.formula_units)

    def distance_table(self) -> DistanceTable:
        """Minimum distances at the search's pressure."""
        return distance_table(parse_formula(self.formula), self.pressure, self.minimum_distances)

    def number_in(self, generation: int) -> int:
        """Structures of a generation: the population, or what ``max_relaxations`` leaves of it."""
        if generation >= self.generations:
            return 0
        if self.max_relaxations is None:
            return self.population
        return max(0, min(self.population, self.max_relaxations - generation * self.population))


def _first_problem(error: ValidationError) -> InputError:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"])
    match problem["type"]:
        case "extra_forbidden":
            return InputError(name, "unknown key", "remove it or correct its spelling")
        case "missing":
            return InputError(name, "missing", "add this key")
        case _:
            message = problem["msg"].removeprefix("Value error, ")
            return InputError(name, f"{message}, not {problem['input']!r}", "correct this value")
