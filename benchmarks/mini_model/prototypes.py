"""Im-3m H3S at six pressures, distorted, and its 8-atom supercells: ``prototypes.py OUT.extxyz``.

The lattice parameters span 50 to 250 GPa (a = 2.98 angstrom at 200 GPa, Duan et al., Sci. Rep. 4, 6968 (2014)).
"""

import sys

import numpy as np
from ase import Atoms
from ase.build import make_supercell

from aiida_anhcsp.engine.frames import write_frames

LATTICE = {50: 3.42, 90: 3.23, 130: 3.11, 170: 3.03, 210: 2.965, 250: 2.91}
SUPERCELLS = {"a": np.diag([2, 1, 1]), "b": np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]])}


def im3m(a: float) -> Atoms:
    """Primitive cell of Im-3m H3S; ``a`` (angstrom) is the conventional lattice parameter."""
    cell = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) * a / 2
    return Atoms("H3S", scaled_positions=[(0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5), (0, 0, 0)], cell=cell, pbc=True)


def distorted(atoms: Atoms, amplitude: float, strain: float, rng: np.random.Generator) -> Atoms:
    """Displacements of random direction and 0.3 to 1.7 times ``amplitude`` (angstrom), strain up to ``strain``."""
    copy = atoms.copy()
    directions = rng.normal(size=(len(copy), 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    copy.positions += amplitude * directions * rng.uniform(0.3, 1.7, size=(len(copy), 1))
    components = rng.uniform(-strain, strain, (3, 3))
    copy.set_cell(copy.cell[:] @ (np.eye(3) + (components + components.T) / 2), scale_atoms=True)
    return copy


def prototypes(rng: np.random.Generator) -> list[Atoms]:
    """13 frames for each pressure: nine of four atoms, four of eight."""
    frames = []
    for pressure, a in LATTICE.items():
        base = im3m(a)
        for amplitude in (0.05, 0.12, 0.2):
            for number in range(3):
                frame = distorted(base, amplitude, 0.03, rng)
                frame.info = {"id": f"im3m-{pressure}-{amplitude}-{number}"}
                frames.append(frame)
        for name, matrix in SUPERCELLS.items():
            for amplitude in (0.08, 0.15):
                frame = distorted(make_supercell(base, matrix), amplitude, 0.02, rng)
                frame.info = {"id": f"im3m-{pressure}-{name}{amplitude}"}
                frames.append(frame)
        for frame in frames[-13:]:
            frame.info.update(parents=f"im3m-{pressure}", operator="distort", pressure=pressure)
    return frames


if __name__ == "__main__":
    write_frames(sys.argv[1], prototypes(np.random.default_rng(11)))
