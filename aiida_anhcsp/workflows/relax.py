"""A relaxation shared out to jobs, each of which may need more wall time than one job has."""

from __future__ import annotations

from dataclasses import dataclass

from aiida.engine import ExitCode, ProcessSpec, ToContext, WorkChain, while_
from aiida.orm import Dict, Int, ProcessNode

from ..calculations.base import at_least_one
from ..calculations.functions.labels import take_frames
from ..calculations.functions.population import merge_populations
from ..calculations.relax import RelaxCalculation
from ..data.population import PopulationData
from .names import awaited, listed
from .ports import define_engine, engine_inputs, plain
from .protocols.studies import RelaxProtocol
from .submission import call_once, failure, find_child, submit_once

NAMES = ("potential", "pressure", "settings", "guard")
INTERRUPTED = frozenset(
    {RelaxCalculation.exit_codes.ERROR_INTERRUPTED.status, RelaxCalculation.exit_codes.ERROR_OUT_OF_TIME.status}
)


@dataclass(frozen=True)
class Chunk:
    """The structures from ``start`` up to, and without, ``stop``; ``name`` is empty where that is all of them."""

    name: str
    start: int
    stop: int

    def job(self, number: int) -> str:
        """Link label of one of its jobs, which follow each other: ``chunk_002_job_00``, or ``job_00``."""
        return f"{self.name}_job_{number:02d}" if self.name else f"job_{number:02d}"


class RelaxWorkChain(RelaxProtocol, WorkChain):
    """Relax all structures of a population, in as many jobs as ``chunk_size`` and the wall time ask for.

    A job that ran out of time, or was killed, hands its checkpoint to the next one; the result is that of one long
    job. What came back last is handed out in any case, with an exit code that says what is missing.
    """

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        define_engine(spec)
        spec.expose_inputs(RelaxCalculation, include=("population", *NAMES))
        spec.input(
            "chunk_size",
            valid_type=Int,
            required=False,
            validator=at_least_one,
            help="Structures in one job, the jobs at the same time; all in one job if absent.",
        )
        spec.input(
            "max_jobs",
            valid_type=Int,
            default=lambda: Int(20),
            validator=at_least_one,
            help="Most jobs that follow each other in a chunk.",
        )
        spec.outline(
            while_(cls.is_unfinished)(cls.relax),
            cls.results,
        )
        spec.expose_outputs(RelaxCalculation, include=("population",))
        spec.outputs["population"].required = False
        spec.exit_code(401, "ERROR_SUB_PROCESS_FAILED_RELAX", message="The last relaxation: {reason}")

    @property
    def chunks(self) -> list[Chunk]:
        """What each job relaxes."""
        total: int = self.inputs.population.count
        size: int = self.inputs.chunk_size.value if "chunk_size" in self.inputs else total
        if size >= total:
            return [Chunk("", 0, total)]
        starts = range(0, total, size)
        return [Chunk(f"chunk_{number:03d}", start, min(start + size, total)) for number, start in enumerate(starts)]

    def jobs(self, chunk: Chunk) -> list[ProcessNode]:
        """The jobs of a chunk so far, in order."""
        labels = (chunk.job(number) for number in range(self.inputs.max_jobs.value))
        return [child for child in (find_child(self, label) for label in labels) if child is not None]

    def is_unfinished(self) -> bool:
        """Whether a job is at work, or another has something to do."""
        jobs = [self.jobs(chunk) for chunk in self.chunks]
        return any((some and not some[-1].is_terminated) or self.needs_job(some) for some in jobs)

    def needs_job(self, jobs: list[ProcessNode]) -> bool:
        """Whether these jobs need another: the first, or one that goes on from a new checkpoint."""
        if not jobs:
            return True
        last = jobs[-1]
        if last.exit_status not in INTERRUPTED or "checkpoint" not in last.outputs:
            return False
        if len(jobs) >= self.inputs.max_jobs.value:
            return False
        started_from = last.inputs.checkpoint if "checkpoint" in last.inputs else None
        came_further = started_from is None or (
            started_from.get_content(mode="rb") != last.outputs.checkpoint.get_content(mode="rb")
        )
        if not came_further:
            self.report(f"{failure(last)}; it came no further than the job before")
        return came_further

    def relax(self) -> ToContext:
        """Submit the next job of every chunk that needs one."""
        nodes = []
        for chunk in self.chunks:
            jobs = self.jobs(chunk)
            if jobs and not jobs[-1].is_terminated:  # this step was cut short, and runs again
                nodes.append(self.submit_job(chunk, jobs[:-1]))
            elif self.needs_job(jobs):
                nodes.append(self.submit_job(chunk, jobs))
        if len(nodes) > 1:
            self.report(f"{self.inputs.population.count} structures are shared out to {listed(nodes)}")
        return awaited(nodes)

    def submit_job(self, chunk: Chunk, jobs: list[ProcessNode]) -> ProcessNode:
        """Submit a job of a chunk, from the checkpoint of the one before where there is one."""
        inputs = {
            **plain({name: self.inputs[name] for name in NAMES if name in self.inputs}),
            **engine_inputs(self.inputs, RelaxCalculation),
            "population": self.part(chunk),
        }
        if jobs:
            inputs["checkpoint"] = jobs[-1].outputs.checkpoint
            self.report(f"{failure(jobs[-1])}; it goes on from its checkpoint")
        return submit_once(self, chunk.job(len(jobs)), RelaxCalculation, inputs)

    def part(self, chunk: Chunk) -> PopulationData:
        """The structures of a chunk."""
        population: PopulationData = self.inputs.population
        if chunk.name:
            part = Dict({"start": chunk.start, "stop": chunk.stop})
            population = call_once(self, f"take_{chunk.name}", take_frames, population=population, part=part)
        return population

    def results(self) -> ExitCode | None:
        """Hand out what came back last."""
        last = {chunk.name: self.jobs(chunk)[-1] for chunk in self.chunks}
        relaxed = {name: node.outputs.population for name, node in last.items() if "population" in node.outputs}
        if len(last) > 1 and relaxed:
            self.out("population", call_once(self, "join", merge_populations, **relaxed))
        elif relaxed:
            self.out("population", relaxed[""])
        failed = [failure(node) for node in last.values() if not node.is_finished_ok]
        return self.exit_codes.ERROR_SUB_PROCESS_FAILED_RELAX.format(reason="; ".join(failed)) if failed else None
