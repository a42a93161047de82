"""A relaxation that needs more wall time than one job may have."""

from __future__ import annotations

from aiida.engine import ExitCode, ProcessSpec, ToContext, WorkChain, while_
from aiida.orm import Int, ProcessNode

from ..calculations.relax import RelaxCalculation
from .ports import define_engine, engine_inputs
from .submission import failure, find_child, submit_once

NAMES = ("population", "potential", "pressure", "settings")
INTERRUPTED = frozenset(
    {RelaxCalculation.exit_codes.ERROR_INTERRUPTED.status, RelaxCalculation.exit_codes.ERROR_OUT_OF_TIME.status}
)


class RelaxWorkChain(WorkChain):
    """Relax all structures of a population, in as many jobs as the wall time asks for.

    A job that ran out of time, or was killed, hands its checkpoint to the next one; the result is that of one long
    job. What came back last is handed out in any case, with an exit code that says what is missing.
    """

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        define_engine(spec)
        spec.expose_inputs(RelaxCalculation, include=NAMES)
        spec.input("max_jobs", valid_type=Int, default=lambda: Int(20), help="Most jobs that follow each other.")
        spec.outline(
            while_(cls.is_unfinished)(cls.relax),
            cls.results,
        )
        spec.expose_outputs(RelaxCalculation, include=("population",))
        spec.outputs["population"].required = False
        spec.exit_code(401, "ERROR_SUB_PROCESS_FAILED_RELAX", message="The last relaxation: {reason}")

    @property
    def jobs(self) -> list[ProcessNode]:
        """The jobs so far, in order."""
        labels = (f"job_{number:02d}" for number in range(self.inputs.max_jobs.value))
        return [child for child in (find_child(self, label) for label in labels) if child is not None]

    def is_unfinished(self) -> bool:
        """Whether another job has something to do: the first, or one that goes on from a new checkpoint."""
        jobs = self.jobs
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
        """Submit a job, from the checkpoint of the one before where there is one."""
        inputs = {name: self.inputs[name] for name in NAMES if name in self.inputs}
        jobs = self.jobs
        if jobs:
            inputs["checkpoint"] = jobs[-1].outputs.checkpoint
            self.report(f"{failure(jobs[-1])}; it goes on from its checkpoint")
        inputs |= engine_inputs(self.inputs, RelaxCalculation)
        node = submit_once(self, f"job_{len(jobs):02d}", RelaxCalculation, inputs)
        return ToContext(current=node)

    def results(self) -> ExitCode | None:
        """Hand out what came back last."""
        last = self.jobs[-1]
        if "population" in last.outputs:
            self.out("population", last.outputs.population)
        if last.is_finished_ok:
            return None
        return self.exit_codes.ERROR_SUB_PROCESS_FAILED_RELAX.format(reason=failure(last))
