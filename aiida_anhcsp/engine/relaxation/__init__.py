"""Batched relaxation of the enthalpy, with quarantine."""

from .relaxer import relax
from .settings import RelaxSettings

__all__ = ["RelaxSettings", "relax"]
