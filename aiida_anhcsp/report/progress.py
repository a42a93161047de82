"""Where a run stands, read from its graph while it runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from aiida.orm import CalcJobNode, Log, ProcessNode, QueryBuilder, WorkChainNode

from ..engine.search.seeds import wanted
from ..engine.search.settings import HULL_DISTANCE, SearchSettings
from ..workflows.gpaw_jobs import RESULT_FILE
from ..workflows.progress import hull_phases, lowest_free_energy
from .planned import planned_sscha, relaxed_in
from .processes import entry_point_of, jobs_at_work, processes_of, state_of

LABEL = "anhcsp.label."
STEP = re.compile(r"generation_(\d+)_(\w+)")
HOUSEKEEPING = ("work chain completed after", "remote folders will not be cleaned")
"""How reports of AiiDA's own begin that say nothing about the run."""


@dataclass
class Progress:
    """Numbers of a run so far.

    ``generation`` counts from 1 and is 0 before the first; ``structures`` are the most that the generations and the
    symmetrised copies come to; ``lowest`` is the lowest enthalpy of the latest ranking in eV/atom, ``lowest_gibbs`` its
    lowest free energy, or, over compositions, ``hull`` its hull, to be read; ``sscha_due`` are the SSCHA runs planned
    so far; ``rmse`` that of the latest potential on its newest labels (meV/atom, meV/angstrom, GPa); ``failed`` counts
    processes that ended badly; ``seconds_left`` is what is left of the searches at their pace so far; ``running`` says
    for each job that has not ended what it is and how its scheduler sees it.
    """

    state: str
    generation: int = 0
    generations: int = 0
    structures: int = 0
    relaxed: int = 0
    labels: int = 0
    labels_asked: int = 0
    lowest: float | None = None
    lowest_gibbs: str | None = None
    hull: str | None = None
    sscha_done: int = 0
    sscha_due: int = 0
    rmse: dict[str, float] = field(default_factory=dict)
    failed: int = 0
    seconds_left: float | None = None
    running: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """All of it in one line."""
        parts = []
        if self.generations:
            parts.append(f"generation {self.generation} of {self.generations}")
            parts.append(f"{self.relaxed} of {self.structures} structures relaxed")
        if self.labels_asked:
            parts.append(f"{self.labels} of {self.labels_asked} labels done")
        if self.hull is not None:
            parts.append(self.hull)
        elif self.lowest is not None:
            parts.append(f"lowest enthalpy {self.lowest:.4f} eV/atom")
        if self.lowest_gibbs is not None:
            parts.append(f"lowest {self.lowest_gibbs}")
        if self.rmse:
            parts.append(f"RMSE {self.rmse['energy']:.1f} meV/atom, {self.rmse['force']:.0f} meV/angstrom")
        if self.sscha_due:
            parts.append(f"{self.sscha_done} of {self.sscha_due} SSCHA runs ended")
        if self.failed:
            parts.append(f"{self.failed} processes failed")
        if self.seconds_left is not None:
            parts.append(f"about {duration(self.seconds_left)} of search left")
        parts.append(f"now: {', '.join(self.running)}" if self.running else self.state)
        return "; ".join(parts)


def progress_of(root: ProcessNode) -> Progress:
    """Progress of a run: any process of this package, with all it called."""
    nodes = processes_of(root)
    progress, submitted = Progress(state=state_of(root)), 0
    for node in nodes:
        kind = entry_point_of(node)
        if kind == "anhcsp.search":
            _add_search(progress, node)
        elif kind.startswith(LABEL):
            _add_labels(progress, node)
        elif kind == "anhcsp.sscha" and isinstance(node, WorkChainNode):
            submitted += 1
            progress.sscha_done += node.is_terminated
        elif kind == "anhcsp.finetune" and "metrics" in node.outputs:
            progress.rmse = _newest_errors(node.outputs.metrics.get_dict()) or progress.rmse
        progress.sscha_due += planned_sscha(node)
        progress.failed += node.is_terminated and not node.is_finished_ok
    progress.sscha_due = max(submitted, progress.sscha_due)
    progress.seconds_left = _seconds_left(root, progress)
    progress.running = [describe_job(node, root) for node in jobs_at_work(root)]
    return progress


def messages_of(root: ProcessNode, after: int = 0) -> list[tuple[int, datetime, str, str]]:
    """What the work chains of a run reported, oldest first: number of the message, time, process, text.

    :param after: only messages with a higher number
    """
    names = {node.pk: node.label or node.process_label for node in processes_of(root)}
    query = QueryBuilder().append(
        Log,
        filters={"dbnode_id": {"in": list(names)}, "levelname": {"in": ["REPORT", "ERROR"]}, "id": {">": after}},
        project=["id", "time", "dbnode_id", "message"],
    )
    rows = sorted(query.iterall())
    told = [(number, time, str(names[pk]), _text(message)) for number, time, pk, message in rows]
    return [message for message in told if not message[3].startswith(HOUSEKEEPING)]


def describe_job(node: CalcJobNode, root: ProcessNode) -> str:
    """A job by the labels of its callers below the root: ``generation_002_label job_01 (running)``."""
    names: list[str] = []
    current: ProcessNode | None = node
    while current is not None and current.pk != root.pk:
        names.insert(0, current.label or current.process_label or current.node_type)
        current = current.caller
    scheduler = node.get_scheduler_state()
    state = scheduler.value if scheduler is not None else (node.get_state() or "created")
    return f"{' '.join(names) or node.process_label} ({getattr(state, 'value', state)})"


def _add_search(progress: Progress, node: ProcessNode) -> None:
    settings = SearchSettings.model_validate(node.inputs.settings.get_dict())
    progress.generations += settings.generations
    seeds = wanted(node.inputs.seeds.get_frames()) if "seeds" in node.inputs else []
    progress.structures += settings.most_relaxed(len(seeds))
    ranked = None
    for child in sorted(node.called, key=lambda child: child.pk):
        match = STEP.fullmatch(child.label or "")
        if match is None:
            continue
        step = match.group(2)
        if step in ("generate", "vary"):
            progress.generation += 1
        elif step in ("relax", "symmetrised"):
            if step == "symmetrised" and "population" in child.inputs:
                progress.structures += child.inputs.population.count
            if "population" in child.outputs:
                progress.relaxed += relaxed_in(child.outputs.population)
        elif step in ("rank", "rank_again") and "result" in child.outputs:
            ranked = child.outputs.result
            lowest = ranked.base.attributes.get("lowest_enthalpy", None)
            progress.lowest = progress.lowest if lowest is None else lowest
            if "lowest_gibbs_free_energy" in child.outputs.result.base.attributes.all:
                progress.lowest_gibbs = lowest_free_energy(child.outputs.result.get_frames())
    if ranked is not None and settings.ranked_by == HULL_DISTANCE:
        progress.hull = hull_phases(ranked.get_frames())


def _add_labels(progress: Progress, node: ProcessNode) -> None:
    asked = node.inputs.population.count
    progress.labels_asked += asked
    if "report" in node.outputs:
        progress.labels += node.outputs.report["labelled"]
        return
    jobs = [child for child in node.called if isinstance(child, CalcJobNode)]
    progress.labels += min(asked, sum(map(labels_written, jobs)))


def duration(seconds: float) -> str:
    """A time in words: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _newest_errors(metrics: dict[str, Any]) -> dict[str, float]:
    rounds = metrics.get("by_round", {})
    return dict(rounds[max(rounds, key=int)].get("after", {})) if rounds else {}


def _seconds_left(root: ProcessNode, progress: Progress) -> float | None:
    """Time that the generations to come take if they are as fast as those that are done; None where none is or all are.

    Generations are counted as done when the next one has begun.
    """
    done = progress.generation - 1
    if root.is_terminated or done < 1 or progress.generation >= progress.generations:
        return None
    elapsed = (datetime.now(tz=root.ctime.tzinfo) - root.ctime).total_seconds()
    return elapsed / (done + 0.5) * (progress.generations - done - 0.5)


def labels_written(job: CalcJobNode) -> int:
    """Labels that a GPAW job has written so far, where its folder is on this machine."""
    folder = job.get_remote_workdir()
    if folder is None or job.computer is None or job.computer.transport_type != "core.local":
        return 0
    file = Path(folder) / RESULT_FILE
    return file.read_text().count("status=ok") if file.is_file() else 0


def _text(message: str) -> str:
    """A report without what AiiDA puts in front (``[12|SearchWorkChain|rank]: ``); of a traceback, the last line."""
    lines = re.sub(r"^\[[^\]]*\]:\s*", "", message).strip().splitlines()
    if lines and lines[0].startswith("Traceback"):
        return next((line for line in reversed(lines) if line and not line.startswith((" ", "("))), lines[-1])
    return "\n".join(lines)


def latest(messages: Iterable[tuple[int, datetime, str, str]], default: int = 0) -> int:
    """Number of the newest message."""
    return max((number for number, *_ in messages), default=default)
