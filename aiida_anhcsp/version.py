"""Plugin and engine are two installations of one package, and must agree."""

from __future__ import annotations

from . import __version__

ENGINE = "anhcsp-engine"
"""The engine's program, and the code that runs it."""

VARIABLE = "ANHCSP_PLUGIN_VERSION"
"""Environment variable by which a job tells the engine the plugin's version."""


def differs(version: str, other: str = __version__) -> bool:
    """Whether two versions must not work together: their first two numbers are not the same.

    The engine's contract may change from one minor version to the next, never between patches.
    """
    return version.split(".")[:2] != other.split(".")[:2]
