"""MatterSim's own network class, imported without the rest of its package."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mattersim.forcefield.m3gnet.m3gnet import M3Gnet

_REGRESSOR = "mattersim.datasets.utils.regressor"


@cache
def stock_class() -> type[M3Gnet]:
    """``M3Gnet`` of the installed MatterSim.

    ``import mattersim.forcefield`` also imports torch_geometric, torchmetrics, pandas and scikit-learn: 12 seconds
    of a core before anything is computed, in every job. The network's own source files need none of them, so they
    are imported as a package of another name.
    """
    usual = sys.modules.get("mattersim.forcefield.m3gnet.m3gnet")
    if usual is not None:
        return usual.M3Gnet
    spec = importlib.util.find_spec("mattersim")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'mattersim'")
    package = ModuleType(f"{__package__}._mattersim")
    package.__path__ = [str(Path(spec.submodule_search_locations[0]) / "forcefield" / "m3gnet")]
    sys.modules[package.__name__] = package
    with _regressor_on_demand():
        return importlib.import_module(f"{package.__name__}.m3gnet").M3Gnet


@contextmanager
def _regressor_on_demand() -> Iterator[None]:
    """Let MatterSim's scaling module import its regression (scikit-learn) when it fits something, not before."""
    if _REGRESSOR in sys.modules:
        yield
        return

    def solver(*args: Any, **kwargs: Any) -> Any:
        return importlib.import_module(_REGRESSOR).solver(*args, **kwargs)

    placeholder = ModuleType(_REGRESSOR)
    placeholder.solver = solver  # type: ignore[attr-defined]
    sys.modules[_REGRESSOR] = placeholder
    try:
        yield
    finally:
        del sys.modules[_REGRESSOR]
