"""What a potential says against what the labels say, number by number: the points of parity plots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.units import GPa

from ..frames import labels_of
from ..potentials.base import Evaluation

MOST_POINTS = 2000
"""Of one quantity; of more, so many evenly spaced ones are kept."""

Points = dict[str, list[float]]


def parity_of(
    frames: Sequence[Atoms], before: Sequence[Evaluation] | None, after: Sequence[Evaluation]
) -> dict[str, Points]:
    """Points of the parity plots by quantity, each with ``label``, ``before`` (absent for a new model) and ``after``.

    ``energy`` (eV/atom, one of each frame), ``force`` (eV/angstrom, Cartesian components) and ``stress`` (GPa, Voigt
    components; absent where no frame has a label). Frames that either potential refuses are left out.
    """
    models = {"after": after} if before is None else {"before": before, "after": after}
    columns: dict[str, dict[str, list[np.ndarray]]] = {}
    for index, frame in enumerate(frames):
        evaluations = {name: of[index] for name, of in models.items()}
        if any(evaluation.energy is None for evaluation in evaluations.values()):
            continue
        labels = labels_of(frame)
        values = {"label": (labels["energy"], labels["forces"], labels.get("stress"))}
        values |= {name: (each.energy, each.forces, each.stress) for name, each in evaluations.items()}
        for quantity, place, unit in (("energy", 0, len(frame)), ("force", 1, 1.0), ("stress", 2, GPa)):
            if any(value[place] is None for value in values.values()):
                continue
            for name, value in values.items():
                column = columns.setdefault(quantity, {}).setdefault(name, [])
                column.append(np.atleast_1d(np.asarray(value[place], float)).ravel() / unit)
    return {
        quantity: {name: _thinned(np.concatenate(column)) for name, column in sources.items()}
        for quantity, sources in columns.items()
    }


def _thinned(values: np.ndarray) -> list[float]:
    if len(values) > MOST_POINTS:
        values = values[np.linspace(0, len(values) - 1, MOST_POINTS).round().astype(int)]
    return [round(float(value), 5) for value in values]
