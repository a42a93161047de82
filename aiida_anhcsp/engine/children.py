"""Processes that do not outlive the one that started them."""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
import sys

DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of linux/prctl.h."""


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies, where it is one that can; see prctl(2)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL)
    leave_without_parent()


def leave_without_parent() -> None:
    """End this process if it was started by another one that is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        raise SystemExit(1)
