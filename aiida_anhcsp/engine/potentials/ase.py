"""Any ASE calculator as a potential."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from threadpoolctl import threadpool_limits

from ..errors import InputError
from .base import Evaluation
from .screening import ScreenedPotential


class AsePotential(ScreenedPotential):
    """Frames one by one through a calculator; what it raises for a frame is that frame's reason."""

    def __init__(self, calculator: BaseCalculator) -> None:
        self.calculator = calculator
        cutoff = getattr(calculator, "cutoff", None)
        self.cutoff = float(cutoff) if isinstance(cutoff, (int, float)) else None

    def evaluate_sane(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        return [self._evaluate_one(frame) for frame in frames]

    def _evaluate_one(self, frame: Atoms) -> Evaluation:
        reset = getattr(self.calculator, "reset", None)
        if reset is not None:  # nothing of the frame before may stay
            reset()
        frame.calc = self.calculator
        try:
            return Evaluation(
                "ok",
                energy=float(frame.get_potential_energy()),
                forces=np.array(frame.get_forces(), dtype=float),
                stress=np.array(frame.get_stress(), dtype=float),
            )
        except Exception as error:  # whatever a calculator raises belongs to this frame alone
            return Evaluation("failed", f"{type(error).__name__}: {' '.join(str(error).split())}"[:300])
        finally:
            frame.calc = None


def load_ase(target: str, options: Mapping[str, Any], threads: int = 1, argument: str = "--potential") -> AsePotential:
    """Import ``MODULE:CALLABLE``, call it with ``options``, and take what it returns as calculator.

    :raises InputError: it cannot be imported or called, or returns no ASE calculator
    """
    module, _, function = target.partition(":")
    try:
        maker = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise InputError(argument, f"ase:{target} cannot be imported ({error})", "install it or correct it") from error
    try:
        with contextlib.redirect_stdout(sys.stderr):
            calculator = maker(**options)
    except Exception as error:
        raise InputError(
            argument, f"ase:{target} cannot be made ({type(error).__name__}: {error})", "correct its JSON arguments"
        ) from error
    if not hasattr(calculator, "get_property") or not hasattr(calculator, "get_potential_energy"):
        raise InputError(argument, f"ase:{target} makes no ASE calculator", "name a calculator class or function")
    _limit_threads(threads)
    return AsePotential(calculator)


def _limit_threads(threads: int) -> None:
    threadpool_limits(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
