"""Labels of many frames at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from numpy.typing import NDArray

from ..potentials.base import Potential


class EvaluationError(RuntimeError):
    """The potential refused frames that the calculation cannot do without."""


@dataclass(frozen=True)
class Labels:
    """``energies`` (n,) eV; ``forces`` (n, n_atoms, 3) eV/angstrom; ``stresses`` (n, 3, 3) eV/angstrom^3, as ASE's."""

    energies: NDArray[np.float64]
    forces: NDArray[np.float64]
    stresses: NDArray[np.float64]


def evaluate_all(potential: Potential, frames: Sequence[Atoms], what: str) -> Labels:
    """Evaluate frames of one composition, all of which are needed.

    :param what: what the frames are, for the message
    :raises EvaluationError: a frame could not be evaluated
    """
    evaluations = potential.evaluate(frames)
    bad = [evaluation for evaluation in evaluations if evaluation.status != "ok"]
    if bad:
        raise EvaluationError(
            f"{len(bad)} of {len(frames)} {what} could not be evaluated ({bad[0].status}: {bad[0].reason})"
        )
    return Labels(
        energies=np.array([evaluation.energy for evaluation in evaluations], dtype=float),
        forces=np.array([evaluation.forces for evaluation in evaluations], dtype=float),
        stresses=np.array([voigt_6_to_full_3x3_stress(evaluation.stress) for evaluation in evaluations], dtype=float),
    )


def static_energy(atoms: Atoms, potential: Potential) -> float:
    """Energy of one structure as it is, eV.

    :raises EvaluationError: the potential refuses the structure
    """
    return float(evaluate_all(potential, [atoms], "structures").energies[0])
