"""A population shared out to concurrent jobs, whose results are joined again: labels and DFT relaxations."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from aiida.engine import ExitCode, ProcessSpec, WorkChain, while_
from aiida.orm import AbstractCode, Data, Dict, Float, Int, ProcessNode

from ..calculations.base import at_least_one
from ..data.population import PopulationData
from .ports import validate_options
from .submission import failure, find_child


class ChunkedWorkChain(WorkChain):
    """Treat all structures of a population by an external program.

    The structures are shared out to jobs of ``chunk_size``, at most ``max_concurrent`` of them at a time. What a job
    has done when it is killed is kept, and what it has left is submitted again, ``max_attempts`` times in all. A
    structure that fails is reported and left out; that is fatal only above ``max_failed_fraction``.
    """

    DEFAULT_CHUNK_SIZE: ClassVar[int] = 8
    DONE: ClassVar[str]
    """What a structure that succeeded is, and the key of their number in the report."""

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        spec.input("population", valid_type=PopulationData, help="Structures to treat.")
        spec.input("code", valid_type=AbstractCode, help="The program that treats them.")
        spec.input(
            "options",
            valid_type=Dict,
            required=False,
            validator=validate_options,
            help="Scheduler options of the jobs: resources, max_wallclock_seconds, queue_name, account, ... One "
            "process without a wall time limit if absent.",
        )
        spec.input(
            "chunk_size",
            valid_type=Int,
            default=lambda: Int(cls.DEFAULT_CHUNK_SIZE),
            validator=at_least_one,
            help="Structures in one job.",
        )
        spec.input(
            "max_concurrent",
            valid_type=int,
            default=2,
            non_db=True,
            validator=at_least_one,
            help="Most jobs at a time; the next ones follow when these have ended.",
        )
        spec.input(
            "max_attempts",
            valid_type=Int,
            default=lambda: Int(3),
            validator=at_least_one,
            help="Jobs in which a structure may be: one that is killed, by wall time or machine, leaves what it "
            "has not done to another.",
        )
        spec.input(
            "max_failed_fraction",
            valid_type=Float,
            default=lambda: Float(0.5),
            validator=_fraction,
            help="Fraction of failed structures above which the whole has failed.",
        )
        spec.outline(
            cls.prepare,
            while_(cls.has_unsubmitted)(cls.submit_chunks, cls.take_up),
            cls.collect,
        )
        spec.output(
            "population",
            valid_type=PopulationData,
            required=False,
            help="The structures that succeeded, in their order.",
        )
        spec.output(
            "report",
            valid_type=Dict,
            help=f"{cls.DONE}: number of structures that are; failed: reason by identity; label_origin; "
            "label_settings (a hash).",
        )
        spec.exit_code(401, "ERROR_SUB_PROCESS_FAILED_ALL", message="None of {total} structures succeeded: {reason}")
        spec.exit_code(
            402,
            "ERROR_SUB_PROCESS_FAILED_TOO_MANY",
            message="{failed} of {total} structures failed, more than the fraction {limit}: {reason}",
        )

    @abstractmethod
    def submit_chunk(self, label: str, start: int, stop: int) -> ProcessNode:
        """Submit the job that treats the frames from ``start`` up to ``stop``, with ``submit_once`` and this label."""

    @abstractmethod
    def result_of(self, child: ProcessNode) -> Data | None:
        """The node with the results that a job brought back, failed jobs included; None where there is none."""

    def left_from(self, child: ProcessNode, start: int, stop: int) -> int | None:
        """The first structure that a job which was stopped had not done; None where it ended by itself.

        A program whose own work chain restarts it needs none of this.
        """
        return None

    @abstractmethod
    def join(self, jobs: Dict, results: dict[str, Data], metadata: dict[str, str]) -> dict[str, Data]:
        """Call the calcfunction that joins results to structures; it returns ``population`` (or not) and ``report``."""

    def prepare(self) -> None:
        """Start with the first chunk; ctx has name, first structure, end and attempt of every job."""
        self.ctx.jobs = [[name, start, stop, 1] for name, start, stop in self.chunks]
        self.ctx.submitted = 0
        self.ctx.ended = 0

    @property
    def chunks(self) -> list[tuple[str, int, int]]:
        """Name, first frame and end of every chunk."""
        size, total = self.inputs.chunk_size.value, self.inputs.population.count
        return [
            (f"chunk_{number:03d}", start, min(start + size, total))
            for number, start in enumerate(range(0, total, size))
        ]

    def has_unsubmitted(self) -> bool:
        """Whether there are structures that nothing was submitted for."""
        return bool(self.ctx.submitted < len(self.ctx.jobs))

    def submit_chunks(self) -> None:
        """Submit as many jobs as may run at a time."""
        batch = self.ctx.jobs[self.ctx.submitted : self.ctx.submitted + self.inputs.max_concurrent]
        nodes = {}
        for name, start, stop, attempt in batch:
            label = _label(name, attempt)
            nodes[label] = self.submit_chunk(label, start, stop)
        self.ctx.submitted += len(batch)
        self.to_context(**nodes)
        structures = ", ".join(f"{start} to {stop - 1}" for _, start, stop, _ in batch)
        self.report(f"structures {structures} are in {_described(list(nodes.values()))}")

    def take_up(self) -> None:
        """Plan another job for what those that were stopped have left."""
        again = []
        for name, start, stop, attempt in self.ctx.jobs[self.ctx.ended : self.ctx.submitted]:
            child = self.ctx[_label(name, attempt)]
            first = self.left_from(child, start, stop)
            if first is None or first >= stop or attempt >= self.inputs.max_attempts.value:
                continue
            if first == start and attempt > 1 and first + 1 < stop:
                first += 1  # it has stopped two jobs
            self.report(f"{failure(child)}; structures {first} to {stop - 1} are submitted again")
            again.append([name, first, stop, attempt + 1])
        self.ctx.ended = self.ctx.submitted
        self.ctx.jobs = [*self.ctx.jobs, *again]

    def collect(self) -> ExitCode | None:
        """Join what came back to the structures, report the rest."""
        outputs = self._joined()
        for name, node in outputs.items():
            self.out(name, node)
        report, total = outputs["report"].get_dict(), self.inputs.population.count
        failed = report["failed"]
        self.report(f"{report[self.DONE]} of {total} structures {self.DONE}")
        for identity, reason in failed.items():
            self.report(f"{identity} failed: {reason}")
        reason = next(iter(failed.values()), "")
        limit = self.inputs.max_failed_fraction.value
        if "population" not in outputs:
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_ALL.format(total=total, reason=reason)
        if len(failed) > limit * total:
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_TOO_MANY.format(
                failed=len(failed), total=total, limit=limit, reason=reason
            )
        return None

    def _joined(self) -> dict[str, Data]:
        done = find_child(self, "join")
        if done is not None and done.is_finished_ok:
            return {name: done.outputs[name] for name in done.outputs}
        jobs: dict[str, dict[str, Any]] = {}
        results: dict[str, Data] = {}
        for name, start, stop, attempt in self.ctx.jobs:
            label = _label(name, attempt)
            child = self.ctx[label]
            jobs[label] = {"start": start, "stop": stop}
            if not child.is_finished_ok:
                tried = f", job {attempt} of it" if attempt > 1 else ""
                jobs[label]["failure"] = failure(child) + tried
            node = self.result_of(child)
            if node is not None:
                results[label] = node
        joined = self.join(Dict(jobs), results, {"label": "join", "call_link_label": "join"})
        return joined if isinstance(joined, dict) else {"report": joined}


def _label(name: str, attempt: int) -> str:
    return name if attempt == 1 else f"{name}_again_{attempt - 1}"


def _described(nodes: list[ProcessNode]) -> str:
    return ", ".join(f"{node.process_label}<{node.pk}>" for node in nodes)


def _fraction(value: Float, _: Any) -> str | None:
    return None if 0 <= value.value <= 1 else f"max_failed_fraction: {value.value} is no fraction; give 0 to 1"
