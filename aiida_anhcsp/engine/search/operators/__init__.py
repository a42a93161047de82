"""Variation operators: each makes a child of its parents or refuses with a reason."""

from .base import Operator, RefusalError, Rules, require_change
from .chemistry import Add, Remove, Transmute
from .heredity import Heredity
from .permutation import Permutation
from .rattle import Rattle
from .ripple import Ripple
from .softmutation import SoftMutation
from .strain import Strain

OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        Heredity(),
        SoftMutation(),
        Strain(),
        Permutation(),
        Ripple(),
        Rattle(),
        Transmute(),
        Add(),
        Remove(),
    )
}

__all__ = [
    "OPERATORS",
    "Add",
    "Heredity",
    "Operator",
    "Permutation",
    "Rattle",
    "RefusalError",
    "Remove",
    "Ripple",
    "Rules",
    "SoftMutation",
    "Strain",
    "Transmute",
    "require_change",
]
