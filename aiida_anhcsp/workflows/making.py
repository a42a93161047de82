"""How a search makes the structures of a generation, in one job or, where that is stopped, in several."""

from __future__ import annotations

from typing import Any

from aiida.engine import ToContext, WorkChain
from aiida.orm import Dict, Int, ProcessNode, load_node

from ..calculations.generate import GenerateCalculation
from ..calculations.vary import VaryCalculation
from ..engine.search.rates import rates
from ..engine.search.seeds import beside_seeds
from ..engine.search.settings import SearchSettings, settings_to_make
from ..engine.search.vary import parents_of
from .names import generation_label
from .ports import engine_inputs
from .relax import INTERRUPTED
from .submission import failure, find_child, get_child, submit_once

MAX_JOBS = 5
"""Most jobs that follow each other in the making of a generation."""


class MakingSteps(WorkChain):
    """The steps that make new structures; what they need of the search is its settings, its labels and its context."""

    def settings_to_make(self) -> Dict:
        """What the new structures of this generation depend on: caching finds them again if only the rest changes."""
        limit = self.beside_seeds().max_relaxations
        limited = {} if limit is None else {"max_relaxations": limit}
        return Dict(settings_to_make(self.ctx.generation, {**self.inputs.settings.get_dict(), **limited}))

    def beside_seeds(self) -> SearchSettings:
        """The settings, their ``max_relaxations`` less the seeds."""
        settings: SearchSettings = self.settings
        if settings.max_relaxations is None or "seeds" not in self.inputs:
            return settings
        return beside_seeds(self.inputs.seeds.get_frames(), settings)

    def settings_to_vary(self) -> Dict:
        """What the offspring of this generation depends on.

        Of a population that has been relaxed again only the survivors are left, so that what the operators have earned
        is told from all generations here and goes as their weights.
        """
        made = self.settings_to_make()
        if "learning" not in self.inputs:
            return made
        settings, born = self.settings, []
        for generation in range(self.ctx.generation):
            born += get_child(self, generation_label(generation, "judge")).outputs.result.get_frames()
        parents = parents_of(load_node(self.ctx.population).get_frames(), settings)
        weights = rates(born, parents, settings)
        return Dict({**made.get_dict(), "operators": weights, "adaptation": 0.0})

    def potential_to_make(self) -> dict[str, Any]:
        """The potential, where the making of this generation evaluates it."""
        if not self.settings.makes_with_potential(self.ctx.generation):
            return {}
        return {"potential": load_node(self.ctx.potential)}

    def is_first(self) -> bool:
        """Whether this is the random generation."""
        return bool(self.ctx.generation == 0)

    def making_label(self, number: int) -> str:
        """Call link label of a job that makes this generation: ``generation_001_vary``, then ``..._vary_01``."""
        label = self.label_of("generate" if self.is_first() else "vary")
        return f"{label}_{number:02d}" if number else label

    def making_jobs(self) -> list[ProcessNode]:
        """The jobs that make this generation so far, in order."""
        jobs = (find_child(self, self.making_label(number)) for number in range(MAX_JOBS))
        return [job for job in jobs if job is not None]

    def is_unmade(self) -> bool:
        """Whether the structures are being made, or a job that was stopped needs another."""
        jobs = self.making_jobs()
        return not jobs or not jobs[-1].is_terminated or (was_stopped(jobs[-1]) and len(jobs) < MAX_JOBS)

    def make(self) -> ToContext:
        """Submit the making of random structures or offspring, from the checkpoint of a job that was stopped."""
        jobs = self.making_jobs()
        before = [job for job in jobs if was_stopped(job)]
        checkpoint = {}
        if before:
            kept = "checkpoint" in before[-1].outputs
            checkpoint = {"checkpoint": before[-1].outputs.checkpoint} if kept else {}
            self.report(f"{failure(before[-1])}; {'it goes on from its checkpoint' if kept else 'once more'}")
        process, own = self.to_be_made()
        inputs = {**engine_inputs(self.inputs, process), **self.potential_to_make(), **own, **checkpoint}
        node = submit_once(self, self.making_label(len(before)), process, inputs)
        made = f"random structures of {self.settings.system}" if self.is_first() else "offspring"
        self.report(f"generation {self.ctx.generation}: {made} by {node.process_label}<{node.pk}>")
        return ToContext(current=node)

    def to_be_made(self) -> tuple[type[GenerateCalculation] | type[VaryCalculation], dict[str, Any]]:
        """The job that makes this generation and its inputs."""
        if self.is_first():
            return GenerateCalculation, {"settings": self.settings_to_make()}
        return VaryCalculation, {
            "population": load_node(self.ctx.population),
            "settings": self.settings_to_vary(),
            "generation": Int(self.ctx.generation),
        }


def was_stopped(job: ProcessNode) -> bool:
    """Whether wall time, memory or the machine ended a job."""
    return job.is_finished and job.exit_status in INTERRUPTED
