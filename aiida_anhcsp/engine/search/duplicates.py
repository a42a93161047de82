"""One rule that says which structures are the same, and who represents them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from .composition import ratio_of
from .fingerprint import distance, fingerprint
from .settings import DuplicateRule
from .space_groups import space_groups

SIGNIFICANT = 3.0
"""Standard errors by which two free energies may differ beyond the rule and still be one."""


def find_duplicates(frames: Sequence[Atoms], rule: DuplicateRule, energy: str = "enthalpy") -> dict[str, str]:
    """Id of the representative of each frame that is a duplicate.

    The rule: two frames with the same ratio of elements are the same when the cosine distance of their fingerprints,
    their enthalpies and their volumes per atom all agree within ``rule``, and, where both have converged, one space
    group is found for both at any of its tolerances: the noise of a relaxation crosses one of them, not all. The rule
    is symmetric. Energies with an error may differ by three standard errors of their difference more. Going up in
    enthalpy (then by id), a frame is a duplicate of the lowest earlier frame that is the same and is no duplicate
    itself, so the answer does not depend on the order of ``frames``.

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
    ratios = [ratio_of(frame) for frame in frames]
    shared = _SharedGroups(frames, rule.symmetry)
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
        same = [
            other
            for other in near
            if distance(prints[index], prints[other]) <= rule.fingerprint and shared(index, other)
        ]
        if same:
            duplicates[frames[index].info["id"]] = frames[same[0]].info["id"]
        else:
            distinct.append(index)
    return duplicates


def same_shape(one: Atoms, other: Atoms, rule: DuplicateRule) -> bool:
    """Whether ratio of elements, volume per atom and fingerprint of two frames agree within ``rule``.

    Their enthalpies, which unrelaxed ones have not, do not count, nor do space groups.
    """
    volumes = [frame.get_volume() / len(frame) for frame in (one, other)]
    if ratio_of(one) != ratio_of(other) or abs(volumes[0] - volumes[1]) > rule.volume * 0.5 * sum(volumes):
        return False
    elements = sorted(set(one.symbols))
    return bool(distance(fingerprint(one, elements), fingerprint(other, elements)) <= rule.fingerprint)


class _SharedGroups:
    """Whether two frames have a space group in common, each looked for once and only where it is asked for."""

    def __init__(self, frames: Sequence[Atoms], tolerances: Sequence[float]) -> None:
        self.frames, self.tolerances = frames, tolerances
        self.found: dict[int, set[int]] = {}

    def __call__(self, one: int, other: int) -> bool:
        converged = all(self.frames[index].info.get("status") == "converged" for index in (one, other))
        return not (self.tolerances and converged) or not self._groups(one).isdisjoint(self._groups(other))

    def _groups(self, index: int) -> set[int]:
        if index not in self.found:
            self.found[index] = set(space_groups(self.frames[index], self.tolerances))
        return self.found[index]
