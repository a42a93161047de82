"""The bundled mini model of H-S: small enough to ship, and right about what it was trained for."""

import json
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.units import GPa

from aiida_anhcsp.engine.frames import labels_of, read_frames
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.potentials.resolve import BUNDLED, BUNDLED_DATASETS

METRICS = Path(__file__).parents[3] / "benchmarks" / "mini_model" / "metrics.json"


def test_model_is_at_most_two_megabytes():
    assert BUNDLED["mini-H-S"].stat().st_size < 2e6


def test_labels_held_out_are_reproduced_near_the_lowest_enthalpy():
    frames = read_frames(BUNDLED_DATASETS["mini-H-S"])
    assert len(frames) >= 300
    held_out = json.loads(METRICS.read_text())["split"]["test"]
    sizes = np.array([len(frame) for frame in frames])
    energies = np.array([labels_of(frame)["energy"] for frame in frames]) / sizes
    volumes = np.array([frame.get_volume() for frame in frames]) / sizes
    near = []
    for index in held_out:
        enthalpies = energies + float(frames[index].info["pressure"]) * GPa * volumes
        if enthalpies[index] - enthalpies.min() <= 0.5:
            near.append(index)
    evaluations = load_potential("mattersim:mini-H-S").evaluate([frames[index] for index in near])
    differences = [e.energy / sizes[i] - energies[i] for e, i in zip(evaluations, near, strict=True)]
    forces = [(e.forces - labels_of(frames[i])["forces"]).ravel() for e, i in zip(evaluations, near, strict=True)]
    assert np.sqrt(np.mean(np.square(differences))) < 0.020
    assert np.sqrt(np.mean(np.concatenate(forces) ** 2)) < 0.250


def test_split_keeps_distortions_of_one_structure_on_one_side():
    frames = read_frames(BUNDLED_DATASETS["mini-H-S"])
    split = json.loads(METRICS.read_text())["split"]
    families = {
        part: {str(frames[i].info.get("parents", frames[i].info["id"])) for i in members}
        for part, members in split.items()
    }
    assert not families["test"] & families["train"]
    assert not families["validation"] & families["train"]


def test_distorted_h3s_lies_below_the_symmetric_one_at_130_gpa():
    """Classically R3m is 5-6 meV/atom below Im-3m with PBE at 130 GPa."""
    from aiida_anhcsp.engine.relaxation import RelaxSettings, relax

    cell = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) * 3.09 / 2
    positions = [(0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5), (0, 0, 0)]
    symmetric = Atoms("H3S", scaled_positions=positions, cell=cell, pbc=True)
    distorted = symmetric.copy()
    distorted.positions[:3] += 0.06
    potential = load_potential("mattersim:mini-H-S")
    high, low = relax([symmetric, distorted], potential, 130.0, RelaxSettings(fmax=0.01))
    assert high.info["spacegroup"] == "Im-3m"
    assert low.info["spacegroup"] == "R3m"
    assert 0.001 < high.info["enthalpy"] - low.info["enthalpy"] < 0.012
