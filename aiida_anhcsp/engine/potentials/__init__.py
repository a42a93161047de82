"""One interface to every potential: ``evaluate(frames)`` gives energies, forces, stresses and statuses."""

from .base import Evaluation, Potential
from .load import load_potential

__all__ = ["Evaluation", "Potential", "load_potential"]
