"""Variation operators: each makes a child of its parents or refuses with a reason."""

from .base import Operator, RefusalError, Rules
from .heredity import Heredity
from .strain import Strain

OPERATORS: dict[str, Operator] = {operator.name: operator for operator in (Heredity(), Strain())}

__all__ = ["OPERATORS", "Heredity", "Operator", "RefusalError", "Rules", "Strain"]
