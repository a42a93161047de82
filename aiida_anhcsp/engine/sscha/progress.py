"""How far a stage has come, for a process that takes over from one that died."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

PROGRESS_FILE = "progress.json"


@dataclass(frozen=True)
class Progress:
    """What a stage remembers beside its state.

    ``first_volume`` (angstrom^3) and ``stress_initial`` (GPa, ASE's sign) are those of the stage's start, ``minimised``
    says whether a population has converged yet, so that the cell moves.
    """

    first_volume: float
    populations: int = 0
    minimised: bool = False
    n_evaluations: int = 0
    stress_initial: list[list[float]] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Leave it in the stage's folder, once the state after the last population is safe."""
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f"{PROGRESS_FILE}.new"
        new.write_text(json.dumps(asdict(self)) + "\n")
        new.replace(folder / PROGRESS_FILE)


def take_over(folder: Path) -> Progress | None:
    """What a process that died has left in the stage's folder, if anything.

    It is taken away, so that a state from which no population comes to its end is not gone on from again.
    """
    file = folder / PROGRESS_FILE
    if not file.is_file():
        return None
    progress = Progress(**json.loads(file.read_text()))
    file.unlink()
    return progress
