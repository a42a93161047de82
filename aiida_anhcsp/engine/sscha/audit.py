"""The audit: a fresh, independent ensemble at the final point, from which the reported numbers come."""

from __future__ import annotations

from pathlib import Path

import cellconstructor.symmetries
import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress
from sscha.Ensemble import Ensemble, Rydberg

from ..frames import with_labels, write_frames
from ..potentials.base import Potential
from .dynamics import Phonons, to_atoms
from .ensemble import draw, evaluate, measure
from .evaluation import Labels, static_energy
from .finite_size import finite_size
from .reports import AuditOutcome, Estimate
from .settings import SschaSettings, Stage

AUDIT = 0
AUDIT_FILE = "audit.extxyz"
ENSEMBLE_FOLDER = "ensemble"


def audit(phonons: Phonons, stage: Stage, settings: SschaSettings, potential: Potential, folder: Path) -> AuditOutcome:
    """Draw, evaluate and measure a fresh ensemble of independent configurations, and write it.

    Writes ``audit.extxyz`` (labelled frames, ids ``a0000`` on) and ``ensemble/`` (python-sscha's binary files).

    :raises EvaluationError: the potential refuses a configuration
    """
    reference = static_energy(to_atoms(phonons.structure), potential)
    seed = (settings.seed, *stage.supercell, stage.configurations, AUDIT)
    ensemble = draw(phonons, settings.temperature, stage.configurations, seed, paired=False)
    labels = evaluate(ensemble, potential, reference)
    write_frames(folder / AUDIT_FILE, _frames(ensemble, labels))
    ensemble.save_bin(str(folder / ENSEMBLE_FOLDER), 1)
    return AuditOutcome(
        measurement=measure(ensemble, reference, paired=False),
        force=_residual_force(ensemble),
        n_evaluations=stage.configurations + 1,
        finite_size=finite_size(phonons, settings.temperature),
    )


def configurations_of(phonons: Phonons, temperature: float, number: int, seed: int) -> list[Atoms]:
    """Fresh, independent configurations without labels, ids ``a0000`` on."""
    return _bare_frames(draw(phonons, temperature, number, (seed, *phonons.GetSupercell(), number), paired=False))


def _frames(ensemble: Ensemble, labels: Labels) -> list[Atoms]:
    frames = []
    for index, frame in enumerate(_bare_frames(ensemble)):
        stress = full_3x3_to_voigt_6_stress(labels.stresses[index])
        frames.append(with_labels(frame, labels.energies[index], labels.forces[index], stress))
    return frames


def _bare_frames(ensemble: Ensemble) -> list[Atoms]:
    template, frames = to_atoms(ensemble.supercell_structure), []
    for index, positions in enumerate(ensemble.xats):
        frame = template.copy()
        frame.positions = positions
        frame.info["id"] = f"a{index:04d}"
        frames.append(frame)
    return frames


def _residual_force(ensemble: Ensemble) -> Estimate:
    """Force on the centroids after the symmetries, the component that is largest, with its error before them."""
    forces, errors = ensemble.get_average_forces(True)
    symmetry = cellconstructor.symmetries.QE_Symmetry(ensemble.current_dyn.structure)
    symmetry.SetupQPoint()
    forces = np.array(forces, order="F")
    symmetry.SymmetrizeVector(forces)
    largest = int(np.argmax(np.abs(forces)))
    return Estimate(float(np.abs(forces).flat[largest] * Rydberg), float(np.max(errors) * Rydberg))
