"""Distorted copies of structures: what a potential must know around the minima."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_strain

from ..frames import bare

KEPT_KEYS = ("generation", "pressure")
ENGINEERING_SHEAR = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])


def distort(
    frames: Sequence[Atoms], per_structure: int, amplitude: float = 0.05, strain: float = 0.05, *, seed: int
) -> list[Atoms]:
    """``per_structure`` distorted copies of each frame.

    Every atom moves by ``amplitude`` (angstrom) in a direction of its own, uniform on the sphere; then the crystal is
    strained by a symmetric matrix whose six components are uniform in +-``strain``. The scheme of the H3S study.

    :return: frames in order, ``id`` like ``g003-0017-d02``, ``parents`` the id of the original (``s0004`` for the
        fifth frame where it has none), ``operator`` distort, without labels and status
    """
    distorted = []
    for index, frame in enumerate(frames):
        rng = np.random.default_rng([seed, index])
        identity = str(frame.info.get("id", f"s{index:04d}"))
        for copy in range(per_structure):
            child = bare(frame)
            direction = rng.normal(size=(len(frame), 3))
            child.positions += amplitude * direction / np.linalg.norm(direction, axis=1, keepdims=True)
            components = rng.uniform(-strain, strain, size=6) * ENGINEERING_SHEAR
            child.set_cell(np.asarray(child.cell) @ voigt_6_to_full_3x3_strain(components), scale_atoms=True)
            child.info = {key: frame.info[key] for key in KEPT_KEYS if key in frame.info}
            child.info.update(id=f"{identity}-d{copy:02d}", parents=identity, operator="distort")
            distorted.append(child)
    return distorted
