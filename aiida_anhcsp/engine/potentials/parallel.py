"""A potential evaluated by several processes of one thread each: what suits many cores best."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

from ase import Atoms

from ..children import die_with_parent
from .base import Evaluation, Potential
from .batching import batches

_potential: Potential | None = None


class ParallelPotential(Potential):
    """Shares the frames of a call out to processes, in calls of at most ``batch_atoms`` atoms.

    Every process loads the potential for itself, with ``load``, which has to be picklable (a function of a module and
    its arguments); the potential itself never travels. None of them outlives this one, however that ends.
    """

    def __init__(self, local: Potential, load: Callable[[], Potential], processes: int, batch_atoms: int) -> None:
        self.local, self.batch_atoms = local, batch_atoms
        self.elements, self.cutoff = local.elements, local.cutoff
        context = multiprocessing.get_context("spawn")
        self._processes = ProcessPoolExecutor(processes, mp_context=context, initializer=_start, initargs=(load,))

    def evaluate(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        """As every potential; a single call's worth of frames is computed in this process.

        :raises concurrent.futures.process.BrokenProcessPool: a process died
        """
        calls = [[frames[i] for i in call] for call in batches([len(frame) for frame in frames], self.batch_atoms)]
        if len(calls) < 2:
            return self.local.evaluate(frames)
        return [evaluation for part in self._processes.map(_evaluate, calls) for evaluation in part]

    def close(self) -> None:
        """End the processes."""
        self._processes.shutdown()


def _start(load: Callable[[], Potential]) -> None:
    global _potential
    die_with_parent()
    _potential = load()


def _evaluate(frames: list[Atoms]) -> list[Evaluation]:
    assert _potential is not None
    return _potential.evaluate(frames)
