"""Variation operators: each makes a child of its parents or refuses with a reason."""

from .base import Operator, RefusalError, Rules
from .heredity import Heredity
from .permutation import Permutation
from .rattle import Rattle
from .strain import Strain

OPERATORS: dict[str, Operator] = {
    operator.name: operator for operator in (Heredity(), Strain(), Permutation(), Rattle())
}

__all__ = ["OPERATORS", "Heredity", "Operator", "Permutation", "Rattle", "RefusalError", "Rules", "Strain"]
