"""Correction of an SSCHA result to a reference potential by thermodynamic perturbation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from ase.stress import voigt_6_to_full_3x3_stress
from ase.units import GPa, kB
from numpy.typing import NDArray

from ..errors import InputError
from ..frames import labels_of, read_frames
from .lattice import repeated
from .reports import Estimate

Order = Literal[1, 2]
SAME_POSITION = 1e-3


@dataclass(frozen=True)
class PairedFrames:
    """Audit frames with the model's labels, and the same frames with the reference's."""

    model: list[Atoms]
    reference: list[Atoms]
    n_cells: int
    centroids: Atoms


def perturbative_correction(difference: NDArray[np.float64], temperature: float, order: Order = 1) -> Estimate:
    """Free energy of the reference potential relative to the model one.

    First order is <V_ref - V_model> over the model's trial density: the Gibbs-Bogoliubov bound on the reference's
    free energy, less the model's own SSCHA free energy. Second order subtracts the classical variance term
    Var(V_ref - V_model)/(2 k T) (Zwanzig, J. Chem. Phys. 22, 1420 (1954)); the trial density is quantum, so it is
    meaningful only for k T well above the phonon energies and is never used to rank.

    :param difference: V_ref - V_model per configuration, shape (n_configurations,), eV per supercell
    :param temperature: K
    :return: value and standard error of the paired differences, eV per supercell
    :raises ValueError: fewer than two configurations, or second order at T = 0
    """
    if len(difference) < 2:
        raise ValueError("at least two configurations are needed for an error")
    first = Estimate.of(difference)
    if order == 1:
        return first
    if temperature <= 0:
        raise ValueError("the second order is classical and has no limit at T = 0")
    centred = difference - first.value
    return Estimate.of(difference - centred**2 / (2 * kB * temperature))


def pressure_correction(frames: PairedFrames) -> Estimate | None:
    """P_ref - P_model over the model's trial density, GPa; None where the reference has no stresses."""
    if not all("stress" in labels_of(frame) for frame in frames.reference):
        return None
    values = []
    for model, reference in zip(frames.model, frames.reference, strict=True):
        ours, theirs = labels_of(model), labels_of(reference)
        static = -np.trace(voigt_6_to_full_3x3_stress(theirs["stress"] - ours["stress"])) / 3
        displacements = model.positions - frames.centroids.positions
        virial = float(np.sum(displacements * (theirs["forces"] - ours["forces"])))
        values.append((static - virial / (3 * model.get_volume())) / GPa)
    return Estimate.of(np.array(values))


def correct(outdir: Path, labels: Path, order: Order = 1, pressure: float | None = None) -> dict[str, Any]:
    """Correct the audited result in ``outdir`` with the labels of some of its audit frames.

    F and G are of first order, whatever ``order``; with 2 the classical second order stands beside them, under
    ``second_order``. G stays (F + P_target V)/n at the audited volume. ``pressure_to_relax_at`` is the target less the
    pressure correction: relaxing the model there puts the reference at the target, which is better than any correction
    of G.

    :param pressure: target of the reference (GPa) where it is not the one the model was relaxed at
    :return: document with F, G and P corrected, the corrections alone, all with errors, and the number of labels
    :raises InputError: files are missing, fewer than two labels belong to the audit, or a frame does not match
    """
    result = read_result(outdir)
    target = result["pressure_target"] if pressure is None else pressure
    frames = pair_frames(outdir, labels)
    document = {
        "n_labels": len(frames.model),
        "label_origin": sorted({str(frame.info.get("label_origin", "unknown")) for frame in frames.reference}),
        "temperature": result["temperature"],
        "pressure_target": target,
        "n_atoms": result["n_atoms"],
        "volume": result["volume"],
        **corrected(result, _perturbation(result, frames), target),
    }
    if order == 2:
        document["second_order"] = corrected(result, _perturbation(result, frames, order), target)
    shift = pressure_correction(frames)
    if shift is not None:
        document |= {
            "pressure_correction": shift.value,
            "pressure_correction_error": shift.error,
            "pressure": result["pressure"] + shift.value,
            "pressure_error": float(np.hypot(result["pressure_error"], shift.error)),
            "pressure_to_relax_at": target - shift.value,
        }
    return document


def corrected(result: Mapping[str, Any], correction: Estimate, target: float) -> dict[str, float]:
    """F (eV per primitive cell) and G (eV/atom) at the target pressure (GPa), and the correction of F, with errors.

    :param result: that of the model's audit
    :param correction: of F, eV per primitive cell
    """
    free_energy = result["free_energy"] + correction.value
    uncertainty = float(np.hypot(result["free_energy_error"], correction.error))
    return {
        "free_energy_correction": correction.value,
        "free_energy_correction_error": correction.error,
        "free_energy": free_energy,
        "free_energy_error": uncertainty,
        "gibbs_free_energy": (free_energy + target * GPa * result["volume"]) / result["n_atoms"],
        "gibbs_free_energy_error": uncertainty / result["n_atoms"],
    }


def as_ranked(document: Mapping[str, Any]) -> dict[str, Any]:
    """A correction's document with the numbers of the reference's own minimum where the labels led there."""
    minimum = document.get("reminimised", {})
    return {**document, **minimum} if minimum.get("converged", False) else dict(document)


def _perturbation(result: Mapping[str, Any], frames: PairedFrames, order: Order = 1) -> Estimate:
    energies = [np.array([labels_of(frame)["energy"] for frame in side]) for side in (frames.reference, frames.model)]
    try:
        supercell = perturbative_correction(energies[0] - energies[1], result["temperature"], order)
    except ValueError as error:
        raise InputError("--order", str(error), "use the first order") from error
    return Estimate(supercell.value / frames.n_cells, supercell.error / frames.n_cells)


def pair_frames(outdir: Path, labels: Path) -> PairedFrames:
    """Audit frames and labelled frames with the same ``id``, checked to be the same configurations.

    :raises InputError: as :func:`correct`
    """
    audit = {frame.info["id"]: frame for frame in read_frames(outdir / "audit.extxyz", "SSCHA_OUTDIR")}
    reference = [frame for frame in read_frames(labels, "LABELS") if "energy" in labels_of(frame)]
    unknown = [frame.info.get("id", "(none)") for frame in reference if frame.info.get("id") not in audit]
    if unknown:
        raise InputError(
            "LABELS", f"frame {unknown[0]} is none of the audit", "label frames of audit.extxyz and keep their ids"
        )
    if len(reference) < 2:
        raise InputError("LABELS", f"{len(reference)} labelled frames", "label at least two frames of audit.extxyz")
    model = [audit[frame.info["id"]] for frame in reference]
    for ours, theirs in zip(model, reference, strict=True):
        if list(ours.symbols) != list(theirs.symbols) or _apart(ours, theirs) > SAME_POSITION:
            raise InputError(
                "LABELS", f"frame {ours.info['id']} differs from the audit's", "label the frames as they are"
            )
    return _with_centroids(outdir, model, reference)


def _with_centroids(outdir: Path, model: list[Atoms], reference: list[Atoms]) -> PairedFrames:
    primitive = read_frames(outdir / "structure.extxyz", "SSCHA_OUTDIR")[0]
    multiples = tuple(int(n) for n in np.rint(model[0].cell.lengths() / primitive.cell.lengths()))
    centroids = repeated(primitive, multiples)
    if list(centroids.symbols) != list(model[0].symbols):
        raise InputError("SSCHA_OUTDIR", "the audit is not of structure.extxyz", "give an unbroken OUTDIR")
    return PairedFrames(model, reference, len(model[0]) // len(primitive), centroids)


def _apart(first: Atoms, second: Atoms) -> float:
    if not np.allclose(first.cell.array, second.cell.array, atol=SAME_POSITION):
        return float("inf")
    return float(find_mic(first.positions - second.positions, first.cell, first.pbc)[1].max())


def read_result(outdir: Path) -> dict[str, Any]:
    """The result of an audited run.

    :raises InputError: there is none
    """
    path = outdir / "result.json"
    if not path.is_file():
        raise InputError("SSCHA_OUTDIR", f"no {path}", "give the OUTDIR of an sscha command")
    result: dict[str, Any] = json.loads(path.read_text())
    if result.get("source") != "audit":
        raise InputError("SSCHA_OUTDIR", f"{path} has no audit", "run sscha without --no-audit")
    return result
