"""When a search has learned enough, and when it may end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.orm import ProcessNode

from ..engine.errors import InputError
from ..engine.search.hull_change import hull_change
from ..engine.search.rank import lowest
from .learning import LearningSteps
from .learning_settings import Convergence
from .names import generation_label
from .submission import find_child, get_child


class ConvergenceSteps(LearningSteps):
    """The judgement of a round of learning: ``ctx.learned`` ends the learning, ``ctx.settled`` the search."""

    def judge_learning(self) -> None:
        """Compare this round with the last one by the criteria of the settings, if there are any."""
        learning, learned = self.learning, self.last_learned(self.ctx.generation)
        again = find_child(self, self.label_of("rank_again"))
        if learned is None or again is None:
            return
        if learning.convergence is not None:
            self.judge_errors(learning.convergence, learned, again)
        if learning.hull_tolerance is not None:
            self.judge_hull(learning.hull_tolerance, find_child(self, generation_label(learned, "rank_again")), again)

    def judge_errors(self, criterion: Convergence, learned: int, again: ProcessNode) -> None:
        """Learn no more once the test errors and the order of the lowest structures have stopped changing."""
        now = find_child(self, self.label_of("finetune"))
        if now is None:
            return
        before = get_child(self, generation_label(learned, "finetune"))
        order = [lowest_ids(node, criterion.lowest) for node in (self.child("rank"), again)]
        change = rmse_change(*(node.outputs.metrics.get_dict() for node in (before, now) if "metrics" in node.outputs))
        self.ctx.learned = order[0] == order[1] and change is not None and change < criterion.rmse
        stable = "the same" if order[0] == order[1] else "another"
        changed = "unknown" if change is None else f"{100 * change:.0f} %"
        done = "; it has learned enough" if self.ctx.learned else ""
        self.report(
            f"{self.stage}: change of the test errors {changed}, {stable} order of the {criterion.lowest} lowest{done}"
        )

    def judge_hull(self, tolerance: float, before: ProcessNode | None, now: ProcessNode) -> None:
        """End the search once the hull has stopped moving from one potential to the next.

        :param tolerance: eV/atom
        """
        if before is None:
            return
        try:
            change = hull_change(*(node.outputs.result.get_frames() for node in (before, now)))
        except InputError as error:
            self.report(f"{self.stage}: no hull to compare: {error.problem}")
            return
        self.ctx.settled = change.largest <= tolerance
        done = f", within {1000 * tolerance:g}: it has stopped moving" if self.ctx.settled else ""
        self.report(f"{self.stage}: the hull since the last learning: {change.text}{done}")


def lowest_ids(node: ProcessNode, number: int) -> list[str]:
    """Identities of the lowest distinct structures of a ranking, lowest first."""
    return [str(frame.info["id"]) for frame in lowest(node.outputs.result.get_frames(), number)]


def rmse_change(*rounds: Mapping[str, Any]) -> float | None:
    """Largest relative change of the test errors in energy and force between two rounds; None without test sets."""
    errors = [metrics.get("after", {}).get("test") for metrics in rounds]
    if len(errors) != 2 or None in errors:
        return None
    before, now = errors
    return max(abs(now[name] - before[name]) / before[name] for name in ("energy", "force"))
