"""Is a potential fit for a search? A short physical examination, after the LaH10 study's.

Every check gives a finding: what was measured, whether it passed and, if not, why. Limits are generous: they catch
potentials that would derail a search, not inaccurate ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.units import GPa
from numpy.typing import NDArray

from ..frames import bare
from ..potentials.base import Potential
from ..relaxation import RelaxSettings, relax
from ..search.initial import random_population
from ..search.settings import SearchSettings
from .dynamics import DISPLACEMENT, RYDBERG_IN_CM, force_constants, fourier, frequencies_gamma, harmonic, to_structure
from .evaluation import EvaluationError, evaluate_all
from .reports import Examination, Finding

RANDOM_RELAXED = 0.7
RANDOM_BELOW = 0.3
VOLUME_CHANGE = 0.25
ROUGHNESS = 0.002
PRESSURE_MISMATCH = 0.02
FORCE_MISMATCH = 0.02
DRIFT = 30.0
HIGHEST_FREQUENCY = 6000.0
SCALES = np.linspace(0.82, 1.18, 25)


def examine(potential: Potential, structure: Atoms, pressure: float, number: int, seed: int) -> Examination:
    """All checks but the SSCHA one.

    :param structure: a structure the potential should describe, near its equilibrium
    :param pressure: GPa
    :param number: random structures of the same composition that are relaxed
    """
    (relaxed,) = relax([bare(structure)], potential, pressure, RelaxSettings())
    findings = [given_structure(structure, relaxed)]
    if relaxed.info["status"] not in ("converged", "max_steps"):
        return Examination(findings, None)
    settings = SearchSettings.parse(
        {
            "formula": structure.get_chemical_formula(),
            "pressure": pressure,
            "population": number,
            "generations": 1,
            "seed": seed,
        }
    )
    started = random_population(settings)
    findings.append(random_structures(relax(started, potential, pressure, RelaxSettings(fmax=0.05)), relaxed))
    checks = (
        ("energy and volume", lambda: energy_volume(potential, relaxed)),
        ("forces and stress", lambda: force_consistency(potential, relaxed, seed)),
        ("harmonic modes", lambda: harmonic_modes(potential, relaxed)),
    )
    for name, check in checks:
        try:
            findings.append(check())
        except EvaluationError as error:
            findings.append(Finding(name, "not measured", str(error)))
    return Examination(findings, bare(relaxed))


def given_structure(before: Atoms, after: Atoms) -> Finding:
    """The given structure relaxes, and not into something else: its volume changes by less than a quarter."""
    name = "given structure"
    status = after.info["status"]
    if status != "converged":
        return Finding(name, f"ends as {status}", f"its relaxation ends as {status} {after.info.get('reason', '')}")
    change = after.get_volume() / before.get_volume() - 1
    measured = f"volume {change:+.1%}, {after.info['spacegroup']}, {after.info['steps']} steps"
    reason = f"its volume changes by {change:+.0%}" if abs(change) > VOLUME_CHANGE else ""
    return Finding(name, measured, reason)


def random_structures(relaxed: Sequence[Atoms], given: Atoms) -> Finding:
    """Most random structures relax, and none to far below the given structure."""
    name = "random structures"
    good = [frame for frame in relaxed if frame.info["status"] in ("converged", "max_steps")]
    fraction = len(good) / len(relaxed)
    measured = f"{len(good)} of {len(relaxed)} relax"
    if fraction < RANDOM_RELAXED:
        faults = sorted({frame.info["status"] for frame in relaxed} - {"converged", "max_steps"})
        return Finding(name, measured, f"only {fraction:.0%} relax; the others end as {', '.join(faults)}")
    below = given.info["enthalpy"] - min(frame.info["enthalpy"] for frame in good)
    measured += f", the lowest {-below * 1000:+.0f} meV/atom from the given one"
    reason = f"one lies {below:.2f} eV/atom below the given structure: a hole" if below > RANDOM_BELOW else ""
    return Finding(name, measured, reason)


def energy_volume(potential: Potential, structure: Atoms) -> Finding:
    """Energy is smooth in the volume, its slope is the pressure, and the pressure falls monotonically."""
    frames = [_scaled(structure, scale) for scale in SCALES]
    labels = evaluate_all(potential, frames, "scaled cells")
    volumes = np.array([frame.get_volume() for frame in frames])
    pressures = -np.trace(labels.stresses, axis1=1, axis2=2) / 3
    fit = np.polynomial.Chebyshev.fit(volumes, labels.energies, 7)
    roughness = float(np.std(labels.energies - fit(volumes))) / len(structure)
    mismatch = float(np.sqrt(np.mean((-fit.deriv()(volumes)[2:-2] - pressures[2:-2]) ** 2)))
    relative = mismatch / float(np.ptp(pressures))
    measured = f"roughness {roughness * 1000:.2f} meV/atom, pressure against slope {mismatch / GPa:.2f} GPa"
    if roughness > ROUGHNESS:
        return Finding("energy and volume", measured, f"rough by {roughness * 1000:.1f} meV/atom")
    if relative > PRESSURE_MISMATCH:
        return Finding("energy and volume", measured, f"pressure and slope differ by {mismatch / GPa:.1f} GPa")
    rising = int(np.sum(np.diff(pressures) > 0))
    reason = f"the pressure rises with the volume at {rising} of {len(SCALES) - 1} steps" if rising else ""
    return Finding("energy and volume", measured, reason)


def force_consistency(potential: Potential, structure: Atoms, seed: int) -> Finding:
    """Forces and stress are the derivatives of the energy, in a structure displaced by 0.05 angstrom."""
    displaced = bare(structure)
    displaced.rattle(0.05, rng=np.random.RandomState(seed))
    moved = [_nudged(displaced, atom, axis, sign) for atom, axis in _components(displaced) for sign in (1, -1)]
    strained = [_scaled(displaced, 1 + sign * 3 * DISPLACEMENT / 10) for sign in (1, -1)]
    labels = evaluate_all(potential, [displaced, *moved, *strained], "displaced structures")
    differences = labels.energies[1:-2].reshape(-1, 2)
    slopes = (differences[:, 1] - differences[:, 0]) / DISPLACEMENT
    forces = np.array([labels.forces[0][atom, axis] for atom, axis in _components(displaced)])
    mismatch = float(np.max(np.abs(slopes - forces)))
    volumes = [frame.get_volume() for frame in strained]
    slope = -(labels.energies[-2] - labels.energies[-1]) / (volumes[0] - volumes[1])
    pressure = -np.trace(labels.stresses[0]) / 3
    measured = f"forces {mismatch * 1000:.1f} meV/angstrom, pressure {abs(slope - pressure) / GPa:.2f} GPa"
    allowed = FORCE_MISMATCH * max(1.0, float(np.abs(forces).max()))
    reason = f"forces are off the energy's slope by {mismatch:.3f} eV/angstrom" if mismatch > allowed else ""
    if not reason and abs(slope - pressure) > max(GPa, PRESSURE_MISMATCH * abs(pressure)):
        reason = f"the stress is off the energy's slope by {abs(slope - pressure) / GPa:.1f} GPa"
    return Finding("forces and stress", measured, reason)


def harmonic_modes(potential: Potential, structure: Atoms) -> Finding:
    """Translations cost nothing and frequencies are physical; imaginary modes are told, not counted against it."""
    cell = to_structure(structure)
    raw = fourier(force_constants(cell, (1, 1, 1), potential), cell, (1, 1, 1), np.zeros((1, 3)))[0].real
    drift = _drift(raw, np.repeat([cell.masses[symbol] for symbol in cell.atoms], 3))
    frequencies = frequencies_gamma(harmonic(cell, (1, 1, 1), potential))
    imaginary = sum(value < -1 for value in frequencies)
    measured = (
        f"{frequencies[0]:.0f} to {frequencies[-1]:.0f} cm^-1, {imaginary} imaginary, translations {drift:.1f} cm^-1"
    )
    if drift > DRIFT:
        return Finding("harmonic modes", measured, f"a translation has {drift:.0f} cm^-1")
    reason = f"a frequency of {frequencies[-1]:.0f} cm^-1" if frequencies[-1] > HIGHEST_FREQUENCY else ""
    return Finding("harmonic modes", measured, reason)


def _drift(matrix: NDArray[np.float64], masses: NDArray[np.float64]) -> float:
    """Largest frequency (cm^-1) of a rigid translation under a force-constant matrix in Ry/bohr^2."""
    total = matrix.reshape(len(masses) // 3, 3, -1, 3).sum(axis=(0, 2)) / masses[::3].sum()
    return float(np.sqrt(np.abs(np.linalg.eigvalsh((total + total.T) / 2)).max()) * RYDBERG_IN_CM)


def _components(structure: Atoms) -> list[tuple[int, int]]:
    """Coordinates to differentiate: all of the first six atoms."""
    return [(atom, axis) for atom in range(min(len(structure), 6)) for axis in range(3)]


def _nudged(structure: Atoms, atom: int, axis: int, sign: int) -> Atoms:
    frame = structure.copy()
    frame.positions[atom, axis] += sign * DISPLACEMENT / 2
    return frame


def _scaled(structure: Atoms, volume_scale: float) -> Atoms:
    frame = bare(structure)
    frame.set_cell(structure.cell.array * volume_scale ** (1 / 3), scale_atoms=True)
    return frame
