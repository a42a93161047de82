"""How much potentials that learned the same disagree about the forces on a structure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ..potentials.base import Potential


def spread(frames: Sequence[Atoms], members: Sequence[Potential]) -> list[Atoms]:
    """Copies of ``frames`` with ``info['spread']`` in eV/angstrom.

    It is the largest, over the atoms, root mean square deviation of the members' forces from their mean (query by
    committee; Smith et al., J. Chem. Phys. 148, 241733 (2018)). A frame that a member refuses gets the ``status``
    and ``reason`` of that member instead.

    :raises ValueError: fewer than two members
    """
    if len(members) < 2:
        raise ValueError("one potential cannot disagree with itself; give two or more")
    evaluations = [member.evaluate(frames) for member in members]
    judged = []
    for frame, opinions in zip(frames, zip(*evaluations, strict=True), strict=True):
        result = frame.copy()
        result.calc = frame.calc
        refused = next((opinion for opinion in opinions if opinion.status != "ok"), None)
        if refused is not None:
            result.info |= {"status": refused.status, "reason": refused.reason}
        else:
            forces = np.array([opinion.forces for opinion in opinions])
            deviations = np.sum((forces - forces.mean(axis=0)) ** 2, axis=2).mean(axis=0)
            result.info["spread"] = float(np.sqrt(deviations.max()))
            result.info.setdefault("status", "ok")
        judged.append(result)
    return judged
