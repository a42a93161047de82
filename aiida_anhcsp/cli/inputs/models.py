"""The keys of the input files, one class for each kind of run."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from ...engine.errors import InputError
from ...engine.learning.settings import TrainSettings
from ...engine.refusals import within
from ...engine.search.settings import GIBBS, SearchSettings
from ...workflows.gibbs_settings import GibbsSettings
from ...workflows.learning_settings import LearningSettings
from ...workflows.settings import (
    ActiveSettings,
    CorrectionSettings,
    DftRelaxSettings,
    FinalistSettings,
    HessianSettings,
    JointSettings,
    PhaseDiagramSettings,
    PopulationSettings,
    ProductionSettings,
    SschaRunSettings,
    SschaStages,
)
from .problems import Section

ENGINE = "anhcsp-engine@localhost"
LABEL_PREFIX = "anhcsp.label."
DFT_PREFIX = "anhcsp.dft_relax."


class Runtime(Section):
    """Where and how fast the engine's jobs compute; not part of the provenance."""

    device: Literal["cpu", "cuda"] = Field(default="cpu", description="Where to compute.")
    threads: int = Field(default=1, ge=1, description="Threads of each process.")
    batch_atoms: int | None = Field(default=None, ge=1, description="Most atoms evaluated in one call.")
    processes: int | None = Field(
        default=None,
        ge=1,
        description="Processes of a job that share the evaluations (relaxations, SSCHA), one for each of its cores.",
    )

    @model_validator(mode="after")
    def _a_gpu_is_not_shared(self) -> Self:
        if self.device == "cuda" and (self.processes or 1) > 1:
            raise InputError("runtime.processes", "several do not share a GPU", "leave it out, or give device: cpu")
        return self


class EngineInput(Section):
    """What every run that uses the engine needs."""

    code: str | int = Field(default=ENGINE, description="Code of anhcsp-engine.")
    options: dict[str, Any] = Field(
        {}, description="Scheduler options of the engine's jobs: resources, queue_name, ..."
    )
    runtime: Runtime = Runtime()


class LabelInput(Section):
    """A label engine with its inputs; which ones there are depends on the engine."""

    model_config = ConfigDict(extra="allow", frozen=True)

    engine: str = Field(description="gpaw, vasp, ase, or another entry point that starts with anhcsp.label.")

    @property
    def entry_point(self) -> str:
        """Entry point of the work chain."""
        return self.engine if self.engine.startswith(LABEL_PREFIX) else LABEL_PREFIX + self.engine

    @property
    def inputs(self) -> dict[str, Any]:
        """The engine's own inputs, as written."""
        return dict(self.model_extra or {})


class DftRelaxInput(DftRelaxSettings):
    """DFT relaxation of the lowest structures: their number, the engine and its inputs."""

    model_config = ConfigDict(extra="allow", frozen=True)

    engine: str = Field(description="gpaw, vasp, or another entry point that starts with anhcsp.dft_relax.")

    @property
    def entry_point(self) -> str:
        """Entry point of the work chain."""
        return self.engine if self.engine.startswith(DFT_PREFIX) else DFT_PREFIX + self.engine

    @property
    def inputs(self) -> dict[str, Any]:
        """The engine's own inputs, as written."""
        return dict(self.model_extra or {})


class LearningInput(LearningSettings):
    """Labels and learning in a search."""

    label: LabelInput = Field(description="The label engine (gpaw, vasp, ...) and its inputs.")
    dataset: str | int | None = Field(
        default=None, description="Old labels to replay: a file or the PK of a population."
    )
    code: str | int | None = Field(default=None, description="Code of anhcsp-engine for trainings; code if not given.")
    options: dict[str, Any] = Field(default={}, description="Scheduler options of trainings; options if not given.")
    runtime: Runtime | None = Field(default=None, description="Device and threads of trainings; runtime if not given.")

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of the work chain's ``learning.settings``."""
        return self.model_dump(exclude={"label", "dataset", "code", "options", "runtime"}, exclude_none=True)


class SschaJobs(SschaStages):
    """Where SSCHA of many structures runs, and how much of it at a time."""

    code: str | int | None = Field(default=None, description="Code of anhcsp-engine for SSCHA; code if not given.")
    options: dict[str, Any] = Field(
        default={}, description="Scheduler options of the SSCHA jobs; options if not given."
    )
    max_concurrent: int = Field(default=2, ge=1, description="SSCHA runs at a time.")

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of the work chain's ``sscha.settings``."""
        return self.model_dump(exclude={"code", "options", "max_concurrent"})


class FinalistInput(SschaJobs, FinalistSettings):
    """SSCHA of the lowest structures."""


class GibbsInput(SschaJobs, GibbsSettings):
    """SSCHA of every structure of a search by free energy."""


class CorrectionInput(CorrectionSettings):
    """Correction of the free energies to the reference that labels."""

    label: LabelInput = Field(description="The label engine (gpaw, vasp, ...) and its inputs.")

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of the work chain's ``correction.settings``."""
        return self.model_dump(exclude={"label"})


class SearchKeys(EngineInput):
    """What a search is given, by itself or as the first part of ``launch csp``."""

    potential: str | int | None = None
    search: SearchSettings
    seeds: str | int | list[str | int] | None = Field(
        default=None,
        description="Structures of the first generation: a file, or PKs of structures, a population or a run.",
    )
    target: str | int | None = Field(
        default=None, description="A known structure at which the search ends: a file or a PK."
    )
    learning: LearningInput | None = None
    dft_relax: DftRelaxInput | None = Field(
        default=None, description="DFT relaxation of the lowest structures at the end: number, engine and its inputs."
    )
    chunk_size: int | None = Field(
        default=None, ge=1, description="Structures that one job relaxes; all of a generation if not given."
    )

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if (self.potential is None) == (self.learning is None or self.learning.new is None):
            fix = "give potential, or learning.new and learning.initial to train one from nothing"
            raise InputError("potential", "needed, or learning.new (not both)", fix)
        return self

    @field_validator("search")
    @classmethod
    def _search_is_possible(cls, settings: SearchSettings) -> SearchSettings:
        for key in ("potential", "seeds", "target"):
            if getattr(settings, key) is not None:
                raise InputError(f"search.{key}", "not a key of search here", f"give {key} at the top level")
        try:
            return SearchSettings.parse(settings.model_dump())
        except InputError as error:
            raise within("search", error) from error


class SearchInput(SearchKeys):
    """Input of ``launch search``; ``sscha`` is for ``fitness: gibbs``."""

    sscha: GibbsInput | None = None

    @model_validator(mode="after")
    def _free_energies_are_asked_for_as_a_whole(self) -> Self:
        gibbs = self.search.fitness == GIBBS
        if gibbs and self.sscha is None:
            raise InputError("sscha", "missing, with fitness: gibbs", "add temperature, stages and seed")
        if self.sscha is not None and not gibbs:
            raise InputError("sscha", "only used with fitness: gibbs", "add that to search, or remove this")
        if gibbs and self.learning is not None:
            fix = "remove it and give a potential that has learned"
            raise InputError("learning", "free energies of different potentials do not compare", fix)
        return self


class CspInput(SearchKeys):
    """Input of ``launch csp``.

    The searches that learn run at ``pressures``, or at that of ``search``; the labels of several pressures are
    learned together with ``finetune``; ``production`` searches follow with that potential.
    """

    pressures: list[float] | None = Field(default=None, min_length=1, description="GPa")
    finetune: JointSettings | None = None
    production: ProductionSettings | None = None
    sscha: FinalistInput
    correction: CorrectionInput | None = None

    @field_validator("pressures")
    @classmethod
    def _pressures_differ(cls, pressures: list[float] | None) -> list[float] | None:
        if pressures is not None and len(set(pressures)) < len(pressures):
            raise InputError("pressures", f"{pressures} names one twice", "give different pressures, in GPa")
        return pressures

    @model_validator(mode="after")
    def _labels_of_several_pressures_are_joined(self) -> Self:
        if (
            self.pressures is not None
            and len(self.pressures) > 1
            and self.learning is not None
            and self.finetune is None
        ):
            raise InputError(
                "finetune", "missing, with labels of several pressures", "add it: epochs, learning_rate, seed"
            )
        if self.search.fitness == GIBBS:
            fix = "use launch search for a search by free energy; here the lowest structures go through SSCHA"
            raise InputError("search.fitness", "gibbs is not for csp", fix)
        if self.production is not None:
            try:
                production = SearchSettings.parse({**self.search.model_dump(), **self.production.search})
            except InputError as error:
                raise within("production.search", error) from error
            if production.fitness == GIBBS:
                raise InputError("production.search.fitness", "gibbs is not for csp", "remove it")
        if (self.search if self.production is None else production).variable:
            self.sscha.require_elements("sscha.stages")
        return self


class CorrectInput(EngineInput):
    """Input of ``launch correct``."""

    sscha: str | int = Field(description="PK of the anhcsp.sscha run to correct.")
    correction: CorrectionInput


class HessianInput(EngineInput):
    """Input of ``launch hessian``."""

    sscha: str | int = Field(description="PK of the anhcsp.sscha run to examine.")
    hessian: HessianSettings


class SschaOnLabelsInput(EngineInput):
    """Input of ``launch sscha_on_labels``."""

    start: str | int = Field(description="PK of the anhcsp.sscha run, with a potential, to start from.")
    population: PopulationSettings
    label: LabelInput


class PhaseDiagramGrid(PhaseDiagramSettings):
    """Grid and stages of a phase diagram."""

    max_concurrent: int = Field(default=2, ge=1, description="SSCHA runs at a time.")

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of the work chain's ``settings``."""
        return self.model_dump(exclude={"max_concurrent"})


class PhaseDiagramInput(EngineInput):
    """Input of ``launch phase_diagram``."""

    structures: str | int = Field(description="The phases: a file of structures or the PK of a population.")
    potential: str | int
    phase_diagram: PhaseDiagramGrid


class LabelRunInput(Section):
    """Input of ``launch label``."""

    population: str | int
    label: LabelInput


class FinetuneInput(EngineInput):
    """Input of ``launch finetune``."""

    dataset: str | int
    potential: str | int | None = None
    new: str | None = Field(default=None, description="Instead of a potential: mattersim:new:{json} or mtp:new:{json}.")
    train: TrainSettings

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if (self.potential is None) == (self.new is None):
            raise InputError(
                "potential", "needed, or new", "give potential to finetune it, or new to train from nothing"
            )
        return self


class SschaInput(EngineInput):
    """Input of ``launch sscha``."""

    structure: str | int
    potential: str | int
    sscha: SschaRunSettings


class LibraryMember(Section):
    """A potential that may be reused, and what it was trained on."""

    potential: str | int
    dataset: str | int


class ActiveInput(EngineInput):
    """Input of ``launch active``: one structure, or several with a library that grows."""

    structure: str | int | None = None
    structures: str | int | None = Field(
        default=None, description="Instead of structure: a file of structures with ids, or the PK of a population."
    )
    active: ActiveSettings
    label: LabelInput
    library: dict[str, LibraryMember] = Field(default={}, description="Potentials to choose from, by name.")
    repeat: int | None = Field(
        default=None, ge=0, description="Of structures: how many of the lowest are repeated with fresh potentials; 2."
    )
    max_concurrent: int | None = Field(
        default=None, ge=1, description="Of structures: repetitions and corrections at a time; 2."
    )
    correction: CorrectionInput | None = Field(default=None, description="Of structures: their free energies to DFT.")

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if (self.structure is None) == (self.structures is None):
            fix = "give structure, a file with one, or structures, a file with several"
            raise InputError("structure", "needed, or structures", fix)
        for name in ("repeat", "max_concurrent", "correction"):
            if self.structure is not None and getattr(self, name) is not None:
                raise InputError(name, "only used with structures", "remove it, or give structures")
        return self
