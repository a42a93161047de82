"""What tests need of the machine."""

from __future__ import annotations

import os

import pytest


def need(present: bool, what: str, packages: str) -> None:
    """Skip the test where something is missing, and say what; under continuous integration it fails instead."""
    if present:
        return
    message = f"needs {what}: apt-get install {packages}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
