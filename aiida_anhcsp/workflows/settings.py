"""Schemas of the Dict inputs of the work chains that are not already an engine command's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..engine.errors import InputError
from ..engine.learning.settings import TrainSettings
from ..engine.learning.trainable import parse_new
from ..engine.search.near_hull import WINDOW
from ..engine.sscha.lattice import check_supercell, primitive_cell
from ..engine.sscha.settings import AUTO, SYMMETRY_TOLERANCE, Stage, parse_stages, resolve_stages


class Settings(BaseModel):
    """Settings that know nothing beyond their keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, values: Mapping[str, Any], argument: str = "settings") -> Self:
        """Settings from a mapping.

        :raises InputError: an unknown key, a missing one, or a value out of range; the field is named.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join([argument, *(str(part) for part in first["loc"])])
            cause = first.get("ctx", {}).get("error")
            if isinstance(cause, InputError):
                place = field if first["loc"] else f"{field}.{cause.argument}"
                raise InputError(place, cause.problem, cause.fix) from error
            problem = first["msg"].removeprefix("Value error, ").lower()
            raise InputError(field, problem, f"the keys are {', '.join(cls.model_fields)}") from error


def _validated_training(values: dict[str, Any]) -> dict[str, Any]:
    TrainSettings.parse({**values, "seed": values.get("seed", 0)})
    return values


class Convergence(Settings):
    """When a potential has learned enough.

    The RMSE of energies and forces on the test set changes by less than the fraction ``rmse`` from one round to the
    next, and relaxing again with the new potential leaves the order of the ``lowest`` structures as it was.
    """

    rmse: float = Field(default=0.1, gt=0)
    lowest: int = Field(default=5, ge=1)


KEYS_OF_SAMPLERS = {"per_composition": ("hull",), "threshold": ("grade", "committee"), "committee": ("committee",)}


class LearningSettings(Settings):
    """What is labelled and learned in each generation of a search (defaults of the H3S study).

    ``number`` structures are picked by ``sampler`` and each distorted ``distortions`` times (``amplitude`` in
    angstrom, ``strain`` as a fraction); ``replay`` old labelled configurations are trained on beside the new ones;
    the ``survivors`` lowest distinct structures are relaxed again with the finetuned potential (as many as the
    population holds unless given). ``train`` are settings of ``anhcsp-engine train``; the seed is derived.

    ``grade`` picks structures whose MaxVol grade is above ``threshold`` (default 2), ``committee`` those on which
    ``committee`` (3) potentials, trained with different seeds, disagree by more than it (default 0.1 eV/angstrom); both
    pick at random as long as there is nothing to judge by. ``hull`` picks the ``per_composition`` (3) lowest of each of
    the ``number / per_composition`` compositions nearest the hull (Li et al.). ``unphysical`` structures are labelled
    undistorted beside the chosen ones; with ``unphysical_limit`` the search learns only when so many have come up since
    it last did. ``initial`` random structures are labelled as they are before the first generation, and learned from:
    by a ``new`` potential from nothing (``mtp:new:{json}``), where the search is given none.
    With ``largest_grade`` a relaxation ends where its grade by the labels so far is above it. The search
    learns no more after ``max_rounds``, or once ``convergence`` is reached. Over compositions the search ends once no
    phase of the hull has moved by more than ``hull_tolerance`` (eV/atom, of formation) since the last round.
    """

    number: int = Field(default=10, ge=1)
    sampler: Literal["random", "grade", "committee", "lowest", "hull", "unphysical"] = "random"
    per_composition: int | None = Field(default=None, ge=1)
    threshold: float | None = Field(default=None, ge=0)
    committee: int | None = Field(default=None, ge=2)
    unphysical: int = Field(default=10, ge=0)
    unphysical_limit: int | None = Field(default=None, ge=1)
    distortions: int = Field(default=10, ge=1)
    amplitude: float = Field(default=0.05, ge=0)
    strain: float = Field(default=0.05, ge=0, lt=1)
    replay: int = Field(default=100, ge=0)
    survivors: int | None = Field(default=None, ge=1)
    largest_grade: float | None = Field(default=None, ge=1)
    convergence: Convergence | None = None
    hull_tolerance: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_rounds: int | None = Field(default=None, ge=1)
    initial: int = Field(default=0, ge=0)
    new: str | None = None
    train: dict[str, Any] = Field(default_factory=dict)

    @property
    def limit(self) -> float:
        """Of the grade, or of the spread in eV/angstrom: structures up to it are known well enough."""
        default = 0.1 if self.sampler == "committee" else 2.0
        return default if self.threshold is None else self.threshold

    @property
    def trainings(self) -> int:
        """Potentials that are trained in each round."""
        return (self.committee or 3) if self.sampler == "committee" else 1

    @property
    def of_each(self) -> int:
        """Structures that the sampler ``hull`` picks of each composition."""
        return self.per_composition or 3

    @field_validator("train")
    @classmethod
    def _train_is_known(cls, values: dict[str, Any]) -> dict[str, Any]:
        return _validated_training(values)

    @field_validator("new")
    @classmethod
    def _new_can_be_trained(cls, value: str | None) -> str | None:
        if value is not None:
            parse_new(value, "new")
        return value

    @model_validator(mode="after")
    def _sampler_has_its_own_keys(self) -> Self:
        for key, samplers in KEYS_OF_SAMPLERS.items():
            if getattr(self, key) is not None and self.sampler not in samplers:
                fix = f"remove it, or give sampler: {' or '.join(samplers)}"
                raise InputError(key, f"not used with sampler: {self.sampler}", fix)
        return self

    @model_validator(mode="after")
    def _new_learns_from_something(self) -> Self:
        if self.new is not None and not self.initial:
            raise InputError("new", "a new potential has nothing to learn from", "give initial, a number of labels")
        return self


class SschaStages(Settings):
    """How a structure is taken through SSCHA: ``stages`` as ``["1x1x1:200", "2x2x2:500"]``, smallest supercell first.

    ``auto:200`` stands for a supercell that is chosen: more than eight atoms, then images beyond the potential's
    range, then twice as far. A stage that fails is repeated ``repeats`` times at most, each time with twice the
    configurations; a job that was stopped (wall time, machine) is continued from its last population,
    ``continuations`` times at most.
    """

    stages: list[str] = Field(default=["1x1x1:200", "2x2x2:500"], min_length=1)
    seed: int = Field(ge=0)
    fixed_cell: bool = False
    audit: bool = True
    repeats: int = Field(default=1, ge=0)
    continuations: int = Field(default=5, ge=0)

    @field_validator("stages")
    @classmethod
    def _stages_are_written_well(cls, values: list[str]) -> list[str]:
        written = [item.strip() for value in values for item in value.split(",")]
        parse_stages(",".join(written).replace(AUTO, "1x1x1:"), "stages")
        return written

    @property
    def automatic(self) -> list[str]:
        """The stages whose supercell is chosen."""
        return [stage for stage in self.stages if AUTO in stage]

    def without_range(self, cutoff: float | None, argument: str = "settings.stages") -> str | None:
        """What is wrong with an automatic supercell for a potential whose range (angstrom) is unknown."""
        if not self.automatic or cutoff is not None:
            return None
        return f"{argument}: {self.automatic[0]} needs a potential of known range; write the supercells"

    def stages_for(
        self,
        atoms: Atoms,
        cutoff: float | None,
        argument: str = "settings.stages",
        tolerance: float = SYMMETRY_TOLERANCE,
    ) -> list[str]:
        """The stages with the supercells of a structure.

        :param cutoff: range of the potential, angstrom
        :param argument: what an error about the stages names
        :param tolerance: spglib's, angstrom, for its primitive cell
        :raises InputError: no crystal, a supercell that does not suit it, or auto with a potential of unknown range
        """
        primitive = primitive_cell(atoms, tolerance, "structure")
        stages = resolve_stages(",".join(self.stages), primitive, cutoff, tolerance, argument)
        for stage in stages:
            check_supercell(primitive, stage.supercell, tolerance, argument)
        return [str(stage) for stage in stages]


class SschaRunSettings(SschaStages):
    """:class:`SschaStages` at one thermodynamic point: ``pressure`` in GPa, ``temperature`` in K."""

    pressure: float = Field(allow_inf_nan=False)
    temperature: float = Field(ge=0, allow_inf_nan=False)


class ActiveSettings(SschaRunSettings):
    """Active learning of a potential for the SSCHA of one structure, and that SSCHA.

    ``first`` distortions (``amplitude`` in angstrom, ``strain``) in the supercell of ``sample`` (the first stage if
    absent) are labelled; then SSCHA with the potential so far draws an ensemble at ``sample``, and at most ``batch`` of
    its configurations whose grade is above ``threshold`` are labelled and learned, in ``rounds`` at most, until an
    ensemble adds nothing. ``new`` is the potential to train from nothing; ``train`` are settings of its training.

    A potential from the library is given up where its error of energy or force on held-out structures that it knew
    before grows by more than the factor ``worsening``.
    """

    sample: str | None = None
    first: int = Field(default=40, ge=4)
    amplitude: float = Field(default=0.1, gt=0)
    strain: float = Field(default=0.03, ge=0, lt=1)
    batch: int = Field(default=20, ge=1)
    threshold: float = Field(default=2.0, ge=1)
    rounds: int = Field(default=10, ge=1)
    new: str = 'mtp:new:{"level": 8}'
    train: dict[str, Any] = Field(default_factory=dict)
    worsening: float = Field(default=1.5, gt=1)

    @field_validator("sample")
    @classmethod
    def _sample_is_one_stage(cls, value: str | None) -> str | None:
        if value is None:
            return None
        (stage,) = parse_stages(value, "sample")
        return str(stage)

    @field_validator("train")
    @classmethod
    def _train_is_known(cls, values: dict[str, Any]) -> dict[str, Any]:
        return _validated_training(values)

    @field_validator("new")
    @classmethod
    def _new_can_be_trained(cls, value: str) -> str:
        parse_new(value, "new")
        return value

    @property
    def sampled(self) -> Stage:
        """Supercell and number of configurations of the ensembles that are graded."""
        return parse_stages(self.sample or self.stages[0], "sample")[0]

    def sscha(self) -> dict[str, Any]:
        """The keys of the SSCHA alone."""
        return {name: getattr(self, name) for name in SschaRunSettings.model_fields}


def possible_temperatures(values: list[float]) -> list[float]:
    """The temperatures, in K.

    :raises ValueError: one is negative, infinite or there twice
    """
    if any(not 0 <= value < float("inf") for value in values) or len(set(values)) < len(values):
        raise ValueError("temperatures must be different from each other, finite and not negative")
    return values


class ComparedStages(SschaStages):
    """:class:`SschaStages` of structures whose free energies are compared.

    With ``match_q_density`` free energies of supercells of different size are carried to one density of q points before
    they are ranked, by their finite-size shifts.
    """

    match_q_density: bool = True


class FinalistSettings(ComparedStages):
    """SSCHA of the ``number`` lowest distinct structures at each pressure (GPa) and temperature (K).

    Over compositions it is the ``number`` lowest of each composition that has any within ``window`` (eV/atom) above the
    hull of enthalpies: what zero-point and anharmonic motion may still bring down. With ``give_up`` such a run ends
    after a stage that leaves it above the hull of the runs before by more than the errors and what later stages may
    still take off it, as at least three of those have shown; where a correction follows all go to their end.
    """

    number: int = Field(default=2, ge=1)
    window: float = Field(default=WINDOW, ge=0, allow_inf_nan=False)
    give_up: bool = True
    temperatures: list[float] = Field(default=[0.0], min_length=1)

    @field_validator("temperatures")
    @classmethod
    def _temperatures_are_possible(cls, values: list[float]) -> list[float]:
        return possible_temperatures(values)

    def require_elements(self, argument: str = "sscha.settings.stages") -> None:
        """Refuse stages in which an element with one atom in its cell has no vibrations: there would be no hull.

        :raises InputError: a stage in the primitive cell
        """
        for written in self.stages:
            if AUTO not in written and parse_stages(written)[0].n_cells == 1:
                problem = f"in {written} an element of one atom a cell has no vibrations, and then there is no hull"
                raise InputError(argument, problem, "over compositions begin with 2x2x2, or auto")

    def at(self, pressure: float, temperature: float) -> SschaRunSettings:
        """Settings of a run at one of the points."""
        return SschaRunSettings(
            **self.model_dump(exclude={"number", "window", "give_up", "temperatures", "match_q_density"}),
            pressure=pressure,
            temperature=temperature,
        )


class DftRelaxSettings(Settings):
    """DFT relaxation of the ``number`` lowest distinct structures.

    Over compositions also of the lowest elements and, after a search that learned, of the phases of its labels' hull.
    """

    number: int = Field(ge=1)


class JointSettings(Settings):
    """Joint training on the labels of all pressures, one training after the other.

    The H3S study trains twice, with weights of force and stress of 1 and then of 0.1. Keys beside ``stages`` hold for
    all of them; without ``stages`` there is one training.
    """

    stages: list[TrainSettings] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _common_keys_hold_for_all_stages(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or not isinstance(values.get("stages", []), list):
            return values
        common = {key: value for key, value in values.items() if key != "stages"}
        return {"stages": [{**common, **stage} for stage in values.get("stages", [{}])]}


class PhaseDiagramSettings(ComparedStages):
    """A grid of ``pressures`` (GPa) and ``temperatures`` (K); ``relax`` holds fmax and max_steps of the relaxation."""

    pressures: list[float] = Field(min_length=1)
    temperatures: list[float] = Field(default=[0.0], min_length=1)
    relax: dict[str, Any] = Field(default_factory=dict)

    @field_validator("pressures")
    @classmethod
    def _pressures_differ(cls, values: list[float]) -> list[float]:
        if any(not np.isfinite(value) for value in values) or len(set(values)) < len(values):
            raise ValueError("pressures must be finite and different from each other")
        return sorted(values)

    @field_validator("temperatures")
    @classmethod
    def _temperatures_are_possible(cls, values: list[float]) -> list[float]:
        return sorted(possible_temperatures(values))

    def at(self, pressure: float, temperature: float) -> SschaRunSettings:
        """Settings of a run at one of the points."""
        keys = self.model_dump(exclude={"pressures", "temperatures", "relax", "match_q_density"})
        return SschaRunSettings(**keys, pressure=pressure, temperature=temperature)


class PopulationSettings(Settings):
    """SSCHA on labels: fresh populations of ``configurations`` at ``pressure`` (GPa) until one finds a minimum."""

    pressure: float = Field(allow_inf_nan=False)
    configurations: int = Field(default=100, ge=4)
    max_populations: int = Field(default=5, ge=1)
    fixed_cell: bool = False
    seed: int = Field(ge=0)


class HessianSettings(Settings):
    """Free-energy Hessian from ``configurations``, doubled up to ``max_configurations`` while the verdict is open.

    ``path`` is that of the dispersions, None for none of them; ``v4`` adds the fourth-order term; ``resamples`` is the
    number of bootstrap resamplings that tell how sure the verdict is.
    """

    configurations: int = Field(default=1000, ge=4, multiple_of=2)
    max_configurations: int = Field(default=4000, ge=4)
    seed: int = Field(ge=0)
    path: str | None = "auto"
    v4: bool = False
    resamples: int = Field(default=20, ge=2)


class CorrectionSettings(Settings):
    """How far a free energy is corrected to the reference: until its error is below ``target`` (eV/atom).

    ``first`` configurations of the audit are labelled, then as many more as the error needs, ``max_labels`` at most.
    With ``reminimise`` the free energy is also minimised again on the labels' forces; with ``relax`` the model is
    relaxed again at the pressure where the reference has the target pressure. With ``order`` 2 the classical
    variance term is told beside the free energy, as ``second_order``; it is never used to rank.
    """

    target: float = Field(default=0.001, gt=0)
    first: int = Field(default=20, ge=2)
    max_labels: int = Field(default=200, ge=2)
    reminimise: bool = True
    relax: bool = False
    order: Literal[1, 2] = 1


class ProductionSettings(Settings):
    """Searches with the final potential, without learning, at each of ``pressures`` (GPa).

    ``search`` holds the keys of SEARCH.yaml that differ from those of the learning searches.
    """

    pressures: list[float] = Field(min_length=1)
    search: dict[str, Any] = Field(default_factory=dict)


def derived_seed(seed: int, *stream: int) -> int:
    """A seed of its own for a child, from the seed of the work chain and the child's numbers."""
    return int(np.random.SeedSequence([seed, *(number % 2**32 for number in stream)]).generate_state(1)[0])
