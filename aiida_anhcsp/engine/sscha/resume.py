"""What of a run is done already, for the same command given once more after it was killed, or had ended."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..potentials.resolve import content_identity
from ..potentials.specification import parse_specification
from .beginning import Beginning
from .progress import PROGRESS_FILE
from .settings import SschaSettings
from .state import copy_state, read_state
from .worker import PotentialChoice

STAGE_FILE = "stage.json"
REQUEST_FILE = "request"
"""Digest of what was asked for: in a stage's folder while it runs, in the run's folder once that has ended."""


class Requests:
    """What each part of a run is asked to do, as digests: of a stage with all stages before it, and of the whole.

    Two runs with the same digest of a part come to the same there: structure or state, potential (by content), seed,
    thermodynamic point, minimisation and stages are all in it. A stage that is added or changed leaves those before it
    as they are.
    """

    def __init__(self, beginning: Beginning, choice: PotentialChoice, settings: SschaSettings) -> None:
        self._settings = settings
        atoms, state = beginning.atoms, beginning.state
        matrices = [file.read_text() for file in read_state(state, "--start")[1]] if state is not None else []
        self._common = {
            "numbers": atoms.numbers.tolist(),
            "cell": atoms.cell.tolist(),
            "positions": atoms.positions.tolist(),
            "matrices": matrices,
            "potential": content_identity(parse_specification(choice.specification)),
        }

    def of_stage(self, number: int) -> str:
        """Digest of a stage, counted from 1."""
        return self._digest(replace(self._settings, stages=self._settings.stages[:number], audit="none"))

    @property
    def whole(self) -> str:
        """Digest of the run, audit included."""
        return self._digest(self._settings)

    def _digest(self, settings: SschaSettings) -> str:
        document = json.dumps([self._common, asdict(settings)], sort_keys=True)
        return hashlib.sha256(document.encode()).hexdigest()


def finished_run(outdir: Path, name: str, request: str) -> dict[str, Any] | None:
    """The result (the document ``name``) of the same run, if it came to its end in this folder."""
    file = outdir / REQUEST_FILE
    if not (outdir / name).is_file() or not file.is_file() or file.read_text() != request:
        return None
    document: dict[str, Any] = json.loads((outdir / name).read_text())
    return document


def begin_run(outdir: Path) -> None:
    """Make the folder of a run that has not ended."""
    outdir.mkdir(parents=True, exist_ok=True)
    (outdir / REQUEST_FILE).unlink(missing_ok=True)


def end_run(outdir: Path, request: str) -> None:
    """Note that the run came to its end, once its result is written."""
    (outdir / REQUEST_FILE).write_text(request)


def finished_stage(folder: Path, request: str) -> dict[str, Any] | None:
    """Entry of a stage that came to its end in this folder, if it is the same."""
    file = folder / STAGE_FILE
    if not file.is_file():
        return None
    document = json.loads(file.read_text())
    entry: dict[str, Any] = document["entry"]
    return entry if document["request"] == request else None


def begin_stage(folder: Path, request: str) -> None:
    """Leave what another request left unfinished behind; the same one goes on from its last population."""
    file = folder / REQUEST_FILE
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STAGE_FILE).unlink(missing_ok=True)
    if not file.is_file() or file.read_text() != request:
        (folder / PROGRESS_FILE).unlink(missing_ok=True)
        file.write_text(request)


def end_stage(folder: Path, request: str, entry: dict[str, Any], outdir: Path) -> None:
    """Note a stage that has ended, with its entry in the result, and hand its state to the run's folder."""
    new = folder / f"{STAGE_FILE}.new"
    new.write_text(json.dumps({"request": request, "entry": entry}, indent=2) + "\n")
    new.replace(folder / STAGE_FILE)
    (folder / REQUEST_FILE).unlink(missing_ok=True)
    copy_state(folder, outdir)
