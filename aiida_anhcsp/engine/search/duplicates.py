"""One rule that says which structures are the same, and who represents them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from .fingerprint import distance, fingerprint
from .settings import DuplicateRule

SIGNIFICANT = 3.0
"""Standard errors by which two free energies may differ beyond the rule and still be one."""


def find_duplicates(frames: Sequence[Atoms], rule: DuplicateRule, energy: str = "enthalpy") -> dict[str, str]:
    """Id of the representative of each frame that is a duplicate.

    The rule: two frames with the same ratio of elements are the same when the cosine distance of their fingerprints,
    their enthalpies and their volumes per atom all agree within ``rule``; it is symmetric. Energies with an error may
    differ by three standard errors of their difference more. Going up in enthalpy (then by id), a frame is a duplicate
    of the lowest earlier frame that is the same and is no duplicate itself, so the answer does not depend on the order
    of ``frames``. Space groups are reported with the frames and not compared: they depend on a tolerance that the
    relaxation's noise crosses.

    :param frames: relaxed frames with ``id`` and ``enthalpy`` (eV/atom)
    :param energy: what is compared and represents: ``enthalpy`` or ``gibbs_free_energy``, with the error, if there is
        one, in ``gibbs_free_energy_error``
    """
    order = sorted(range(len(frames)), key=lambda index: (frames[index].info[energy], frames[index].info["id"]))
    elements = sorted({symbol for frame in frames for symbol in frame.symbols})
    prints = np.array([fingerprint(frame, elements) for frame in frames])
    energies = np.array([frame.info[energy] for frame in frames], dtype=float)
    errors = np.array([frame.info.get(f"{energy}_error", 0.0) for frame in frames], dtype=float)
    largest = float(errors.max(initial=0.0))
    volumes = np.array([frame.get_volume() / len(frame) for frame in frames])
    ratios = [frame.symbols.formula.reduce()[0].format("hill") for frame in frames]
    distinct: list[int] = []
    duplicates: dict[str, str] = {}
    for index in order:
        reach = rule.enthalpy + SIGNIFICANT * float(np.hypot(errors[index], largest))
        first = bisect_left(distinct, energies[index] - reach, key=lambda other: energies[other])
        near = [
            other
            for other in distinct[first:]
            if energies[index] - energies[other] <= rule.enthalpy + SIGNIFICANT * np.hypot(errors[index], errors[other])
            and abs(volumes[index] - volumes[other]) <= rule.volume * 0.5 * (volumes[index] + volumes[other])
            and ratios[index] == ratios[other]
        ]
        same = [other for other in near if distance(prints[index], prints[other]) <= rule.fingerprint]
        if same:
            duplicates[frames[index].info["id"]] = frames[same[0]].info["id"]
        else:
            distinct.append(index)
    return duplicates
