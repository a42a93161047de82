"""The potential of the commands that make structures, which only some settings need."""

from __future__ import annotations

from ..errors import InputError
from ..potentials.base import Potential
from ..search.settings import SearchSettings


def load_to_make(
    settings: SearchSettings,
    generation: int,
    specification: str | None,
    device: str,
    threads: int,
    batch_atoms: int | None,
    processes: int,
) -> tuple[Potential | None, int]:
    """The potential, if one is given, and how many atoms are to be relaxed at a time.

    :raises InputError: a potential is given that nothing would evaluate, or it cannot be loaded
    """
    if specification is None:
        return None, 1
    if not settings.makes_with_potential(generation):
        uses = "candidates: 8, say" if generation == 0 else "soft_modes: potential, or candidates: 8, say"
        raise InputError("--potential", "the structures do not depend on it", f"remove it, or set {uses}")
    from ..potentials import load_potential
    from ..potentials.batching import BATCH_ATOMS

    potential = load_potential(specification, device, threads, batch_atoms, processes=processes)
    return potential, (batch_atoms or BATCH_ATOMS[device]) * processes
