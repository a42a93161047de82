"""Structures as VASP takes them, and VASP's results as labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from aiida.engine import calcfunction
from aiida.orm import Dict, Float, Int, StructureData
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress
from ase.units import GPa
from numpy.typing import NDArray

from ...data.population import PopulationData
from ...engine.frames import bare, with_labels
from .labels import labelled_population, relaxed_population


@calcfunction
def vasp_structure(population: PopulationData, index: Int) -> StructureData:
    """The structure at ``index`` of a population, its atoms grouped by element as POSCAR and POTCAR have them."""
    frame = bare(population.get_frames()[index.value])
    frame.info = {}
    return StructureData(ase=frame[species_order(frame)])


@calcfunction
def collect_vasp(population: PopulationData, settings: Dict, jobs: Dict, **misc: Dict) -> dict[str, Any]:
    """Labels from VASP's outputs.

    :param settings: all settings of the labels
    :param jobs: by job: ``start`` and ``stop`` (its frame) and, where it failed, ``failure``
    :param misc: by job: aiida-vasp's ``misc``: ``total_energies`` (eV), ``forces`` (eV/angstrom), ``stress`` (kB)
    :return: ``population`` (labelled structures in order; absent if there is none) and ``report``
    """
    frames = population.get_frames()
    keys = jobs.get_dict()
    results = {
        keys[name]["start"]: label(frames[keys[name]["start"]], result.get_dict()) for name, result in misc.items()
    }
    return labelled_population(population, results, jobs, "vasp", settings.get_dict())


@calcfunction
def collect_vasp_relaxed(
    population: PopulationData, settings: Dict, pressure: Float, jobs: Dict, **outputs: Dict | StructureData
) -> dict[str, Any]:
    """Relaxed structures from VASP's outputs.

    :param settings: all settings of VASP
    :param pressure: GPa
    :param jobs: by job: ``start`` and ``stop`` (its frame) and, where it failed, ``failure``
    :param outputs: by job: aiida-vasp's ``misc__JOB`` and ``structure__JOB``
    :return: ``population`` (structures that were relaxed, in order; absent if there is none) and ``report``
    """
    frames, ends = population.get_frames(), {}
    for name, job in jobs.get_dict().items():
        if f"structure__{name}" not in outputs:
            continue
        frame = bare(frames[job["start"]])
        order = species_order(frame)
        end = outputs[f"structure__{name}"].get_ase()
        frame.set_cell(end.cell)
        frame.positions[order] = end.positions
        misc = outputs[f"misc__{name}"].get_dict()
        ends[job["start"]] = label(frame, misc, pressure.value)
        if ends[job["start"]].info["status"] == "ok":
            converged = misc["run_status"]["ionic_converged"]
            steps = misc["run_status"]["last_iteration_index"][0]
            ends[job["start"]].info = {"status": "converged" if converged else "max_steps", "steps": steps}
    return relaxed_population(population, ends, jobs, "vasp", settings.get_dict(), pressure.value)


def label(frame: Atoms, misc: dict[str, Any], pressure: float = 0.0) -> Atoms:
    """``frame`` with VASP's free energy, forces and stress, or with a ``reason`` why it has none.

    VASP gives the stress in kB, positive under compression; ASE's sign is the opposite. The energy is that of the
    ionic step, the only one with corrections such as D3; with PSTRESS it is an enthalpy, whose P V is taken off here.

    :param pressure: the run's PSTRESS, in GPa
    """
    result = bare(frame)
    result.info = {"status": "ok"}
    missing = [name for name in ("total_energies", "forces", "stress") if misc.get(name) is None]
    if missing:
        result.info = {"status": "failed", "reason": f"VASP's output has no {' and no '.join(missing)}"}
        return result
    forces = np.empty((len(frame), 3))
    forces[species_order(frame)] = misc["forces"]
    stress = -0.1 * GPa * full_3x3_to_voigt_6_stress(np.array(misc["stress"], dtype=float))
    energy = misc["total_energies"]["energy_free"] - pressure * GPa * frame.get_volume()
    return with_labels(result, energy, forces, stress)


def species_order(frame: Atoms) -> NDArray[np.intp]:
    """Indices that group the atoms by element, otherwise in their order, shape (n_atoms,)."""
    return np.argsort(np.array(frame.get_chemical_symbols()), kind="stable")
