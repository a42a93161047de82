"""Settings of what a search labels and learns."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ..engine.errors import InputError
from .settings import NewPotential, Settings, TrainKeys


class Convergence(Settings):
    """When a potential has learned enough.

    The RMSE of energies and forces on the test set changes by less than the fraction ``rmse`` from one round to the
    next, and relaxing again with the new potential leaves the order of the ``lowest`` structures as it was.
    """

    rmse: float = Field(
        default=0.1,
        gt=0,
        description="Relative change of the test errors of energy and force below which learning ends.",
    )
    lowest: int = Field(default=5, ge=1, description="Lowest structures whose order must stay as it was.")


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

    number: int = Field(default=10, ge=1, description="Relaxed structures that are picked in a generation.")
    sampler: Literal["random", "grade", "committee", "lowest", "hull", "unphysical"] = Field(
        default="random", description="How they are picked."
    )
    per_composition: int | None = Field(
        default=None, ge=1, description="With sampler hull: structures of each composition; 3."
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        description="Above it one is picked: grade, 2, or with committee the spread of the forces, 0.1 eV/angstrom.",
    )
    committee: int | None = Field(
        default=None, ge=2, description="With sampler committee: potentials, trained with different seeds; 3."
    )
    unphysical: int = Field(
        default=10, ge=0, description="Unphysical structures that are labelled beside them, undistorted."
    )
    unphysical_limit: int | None = Field(
        default=None,
        ge=1,
        description="Learn only when so many unphysical ones have come up; in each generation if not given.",
    )
    distortions: int = Field(default=10, ge=1, description="Distorted copies of each structure that is picked.")
    amplitude: float = Field(default=0.05, ge=0, description="Displacement of each atom, angstrom.")
    strain: float = Field(default=0.05, ge=0, lt=1, description="Largest strain of the cell, a fraction.")
    replay: int = Field(
        default=100, ge=0, description="Old labelled configurations that are trained on beside the new ones."
    )
    survivors: int | None = Field(
        default=None,
        ge=1,
        description="Lowest structures relaxed again with the new potential; as many as the population if not given.",
    )
    largest_grade: float | None = Field(
        default=None, ge=1, description="Grade above which a relaxation ends; none if not given."
    )
    convergence: Convergence | None = Field(
        default=None, description="When a potential has learned enough: rmse and lowest."
    )
    hull_tolerance: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Over compositions: the search ends when no phase of the hull moves by more, eV/atom.",
    )
    max_rounds: int | None = Field(default=None, ge=1, description="Rounds of learning at most.")
    initial: int = Field(default=0, ge=0, description="Random structures labelled before the first generation.")
    new: NewPotential | None = Field(
        default=None, description="Without a potential: what learns from these, mattersim:new:{json} or mtp:new:{json}."
    )
    train: TrainKeys = Field(default_factory=dict, description="Settings of the training: epochs, learning_rate, ...")

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
