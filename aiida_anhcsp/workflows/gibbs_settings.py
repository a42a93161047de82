"""Schemas of a search by free energy: SSCHA of every structure, and when one is given up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ..engine.search.early_stop import Decrease, StageEnd, is_hopeless
from .settings import ComparedStages, Settings, SschaRunSettings, derived_seed


class GibbsSettings(ComparedStages):
    """SSCHA of every structure of a search that is ranked by Gibbs free energy, at ``temperature`` (K).

    A structure is given up after a stage if its free energy cannot come within ``window`` (eV/atom) of the lowest of
    the generations before, as the decreases after that stage in at least ``seen`` structures of those generations tell;
    without a window none is.
    """

    temperature: float = Field(ge=0, allow_inf_nan=False, description="K.")
    window: float | None = Field(
        default=0.1,
        ge=0,
        allow_inf_nan=False,
        description="Give up what cannot come within it of the lowest, eV/atom; null: nothing.",
    )
    seen: int = Field(
        default=3,
        ge=1,
        description="Structures that must have shown how far a free energy falls before any is given up.",
    )

    def at(self, pressure: float, *stream: int) -> SschaRunSettings:
        """Settings of the run of one structure at the search's pressure (GPa).

        :param stream: numbers of the structure, for a seed of its own
        """
        keys = self.model_dump(exclude={"window", "seen", "match_q_density"})
        return SschaRunSettings(**{**keys, "seed": derived_seed(self.seed, *stream)}, pressure=pressure)


class SeenDecrease(Settings):
    """Largest decrease of the free energy (eV/atom) seen after a stage (from 1), if it converged or if it did not."""

    stage: int = Field(ge=1)
    converged: bool
    largest: float = Field(ge=0, allow_inf_nan=False)
    seen: int = Field(ge=1)


class GiveUpSettings(Settings):
    """When an SSCHA run ends early: G - 3 sigma - largest decrease after the stage is above ``threshold`` (eV/atom).

    ``decreases`` says what other structures have shown; a stage of which fewer than ``seen`` tell ends no run.
    """

    threshold: float = Field(allow_inf_nan=False)
    decreases: list[SeenDecrease]
    seen: int = Field(default=3, ge=1)

    def hopeless(self, stage: int, result: Mapping[str, Any]) -> bool:
        """Whether a stage (from 1) with this result leaves no hope."""
        end = StageEnd(stage, result["converged"], result["gibbs_free_energy"], result["gibbs_free_energy_error"])
        seen = [Decrease(**each.model_dump()) for each in self.decreases]
        return is_hopeless(end, self.threshold, seen, self.seen)
