"""The potential of the commands that make structures, which only some settings need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from ..errors import InputError
from ..potentials.base import Potential
from ..search.screening import screened
from ..search.settings import SearchSettings
from .options import checkpoint_of


@dataclass(frozen=True)
class Maker:
    """The potential, if one is given, what it is, and how many atoms are to be relaxed at a time."""

    potential: Potential | None = None
    identity: str = ""
    in_flight: int = 1

    def screened(
        self,
        children: Sequence[Atoms],
        population: Sequence[Atoms],
        settings: SearchSettings,
        generation: int,
        out: Path,
    ) -> list[Atoms]:
        """What :func:`screened` makes of the children, with a checkpoint beside ``out``."""
        return screened(
            children,
            population,
            settings,
            generation,
            self.potential,
            self.in_flight,
            checkpoint=checkpoint_of(out),
            identity=self.identity,
        )


def load_maker(
    settings: SearchSettings,
    generation: int,
    specification: str | None,
    device: str,
    threads: int,
    batch_atoms: int | None,
    processes: int,
) -> Maker:
    """The potential of a generation's making.

    :raises InputError: a potential is given that nothing would evaluate, or it cannot be loaded
    """
    if specification is None:
        return Maker()
    if not settings.makes_with_potential(generation):
        uses = "candidates: 8, say" if generation == 0 else "soft_modes: potential, or candidates: 8, say"
        raise InputError("--potential", "the structures do not depend on it", f"remove it, or set {uses}")
    from ..potentials import load_potential
    from ..potentials.batching import BATCH_ATOMS
    from ..potentials.resolve import content_identity
    from ..potentials.specification import parse_specification

    potential = load_potential(specification, device, threads, batch_atoms, processes=processes)
    identity = content_identity(parse_specification(specification))
    return Maker(potential, identity, (batch_atoms or BATCH_ATOMS[device]) * processes)
