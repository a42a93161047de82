"""A calculator for bad days: EMT that fails for cells of three atoms, and of eight and more."""

from __future__ import annotations

from ase.calculators.emt import EMT

GARBAGE, TOO_LARGE = 3, 8


class Unreliable(EMT):
    """Reliable for all other cells."""

    def calculate(self, *arguments: object, **keys: object) -> None:
        super().calculate(*arguments, **keys)
        if len(self.atoms) == GARBAGE or len(self.atoms) >= TOO_LARGE:
            raise RuntimeError("this one does not converge")
