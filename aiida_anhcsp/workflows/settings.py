"""Schemas of the Dict inputs of the work chains that are not already an engine command's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from ase import Atoms
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..engine.errors import InputError
from ..engine.learning.settings import TrainSettings
from ..engine.learning.trainable import parse_new
from ..engine.refusals import problems_of, within
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
            raise within(argument, problems_of(cls, error)[0]) from error


def _of_training(values: dict[str, Any]) -> dict[str, Any]:
    TrainSettings.parse({**values, "seed": values.get("seed", 0)}, "train")
    return values


def _trainable(text: str) -> str:
    parse_new(text, "new")
    return text


TrainKeys = Annotated[dict[str, Any], AfterValidator(_of_training)]
"""The settings of a training, in which only the seed may be missing."""

NewPotential = Annotated[str, AfterValidator(_trainable)]
"""A potential to be trained from nothing, as ``mtp:new:{json}``."""


class SschaStages(Settings):
    """How a structure is taken through SSCHA: ``stages`` as ``["1x1x1:200", "2x2x2:500"]``, smallest supercell first.

    ``auto:200`` stands for a supercell that is chosen: more than eight atoms, then images beyond the potential's
    range, then twice as far. A stage that fails is repeated ``repeats`` times at most, each time with twice the
    configurations; a job that was stopped (wall time, machine) is continued from its last population,
    ``continuations`` times at most.
    """

    stages: list[str] = Field(
        default=["1x1x1:200", "2x2x2:500"],
        min_length=1,
        description="Supercells with configurations, smallest first; auto:200 chooses the supercell.",
    )
    seed: int = Field(ge=0, description="Seed of the ensembles.")
    fixed_cell: bool = Field(default=False, description="Keep the cell as it is.")
    audit: bool = Field(default=True, description="Judge the end on an independent ensemble.")
    repeats: int = Field(
        default=1, ge=0, description="Repetitions of a stage that fails, each with twice the configurations."
    )
    continuations: int = Field(default=5, ge=0, description="Jobs that go on after a wall time.")

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
    new: NewPotential = 'mtp:new:{"level": 8}'
    train: TrainKeys = Field(default_factory=dict)
    worsening: float = Field(default=1.5, gt=1)

    @field_validator("sample")
    @classmethod
    def _sample_is_one_stage(cls, value: str | None) -> str | None:
        if value is None:
            return None
        (stage,) = parse_stages(value, "sample")
        return str(stage)

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

    match_q_density: bool = Field(
        default=True, description="Carry free energies of different supercells to one density of q points."
    )


class FinalistSettings(ComparedStages):
    """SSCHA of the ``number`` lowest distinct structures at each pressure (GPa) and temperature (K).

    Over compositions it is the ``number`` lowest of each composition that has any within ``window`` (eV/atom) above the
    hull of enthalpies: what zero-point and anharmonic motion may still bring down. With ``give_up`` such a run ends
    after a stage that leaves it above the hull of the runs before by more than the errors and what later stages may
    still take off it, as at least three of those have shown; where a correction follows all go to their end.
    """

    number: int = Field(
        default=2, ge=1, description="Lowest distinct structures; over compositions, of each composition."
    )
    window: float = Field(
        default=WINDOW,
        ge=0,
        allow_inf_nan=False,
        description="Over compositions: those within it above the hull of enthalpies, eV/atom.",
    )
    give_up: bool = Field(default=True, description="Over compositions: end runs that can no longer reach the hull.")
    temperatures: list[float] = Field(default=[0.0], min_length=1, description="K.")

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

    number: int = Field(ge=1, description="Lowest distinct structures.")


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

    target: float = Field(default=0.001, gt=0, description="Error of the corrected free energy to reach, eV/atom.")
    first: int = Field(default=20, ge=2, description="Configurations that are labelled first.")
    max_labels: int = Field(default=200, ge=2, description="Labels at most.")
    reminimise: bool = Field(default=True, description="Minimise the free energy again on the labels' forces.")
    relax: bool = Field(
        default=False, description="Relax the model where the reference has the target pressure, and correct there."
    )
    order: Literal[1, 2] = Field(default=1, description="2 also tells the classical variance term, never used to rank.")


class ProductionSettings(Settings):
    """Searches with the final potential, without learning, at each of ``pressures`` (GPa).

    ``search`` holds the keys of SEARCH.yaml that differ from those of the learning searches.
    """

    pressures: list[float] = Field(min_length=1)
    search: dict[str, Any] = Field(default_factory=dict)


def derived_seed(seed: int, *stream: int) -> int:
    """A seed of its own for a child, from the seed of the work chain and the child's numbers."""
    return int(np.random.SeedSequence([seed, *(number % 2**32 for number in stream)]).generate_state(1)[0])
