"""Classical potentials of matscipy, named so that a potential specification can call them."""

from __future__ import annotations

from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import StillingerWeber, TersoffBrenner
from matscipy.calculators.manybody.explicit_forms.stillinger_weber import Stillinger_Weber_PRB_31_5262_Si
from matscipy.calculators.manybody.explicit_forms.tersoff_brenner import Tersoff_PRB_39_5566_Si_C


def silicon() -> Manybody:
    """Stillinger and Weber, Phys. Rev. B 31, 5262 (1985)."""
    return Manybody(**StillingerWeber(Stillinger_Weber_PRB_31_5262_Si))


def carbon() -> Manybody:
    """Tersoff, Phys. Rev. B 39, 5566 (1989)."""
    return Manybody(**TersoffBrenner(Tersoff_PRB_39_5566_Si_C))
