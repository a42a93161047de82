"""Neighbour lists of numpy arrays by vesin, without the start of torch that vesin makes for tensors.

Importing vesin imports torch wherever it is installed: four of the six seconds that a job of a potential without torch
takes to start. Here vesin goes without torch unless torch is already there.
"""

from __future__ import annotations

import sys

__all__ = ["NeighborList"]

if "torch" in sys.modules:
    from vesin import NeighborList
else:
    sys.modules["torch"] = None  # type: ignore[assignment]  # makes an import of torch fail, which vesin allows for
    try:
        from vesin import NeighborList
    finally:
        del sys.modules["torch"]
