"""The toy through the engine's own interface, and a folder to be noisy in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aiida_anhcsp.engine.potentials import Potential, load_potential

TOY = "ase:tests.engine.sscha.toy:QuarticBond"
EMT = "ase:ase.calculators.emt:EMT"


def toy(k: float = 5.0, lam: float = 20.0) -> str:
    """Specification of the toy."""
    return f'{TOY}:{{"k": {k}, "lam": {lam}}}'


@pytest.fixture
def toy_potential() -> Potential:
    return load_potential(toy())


@pytest.fixture
def emt() -> Potential:
    return load_potential(EMT)


@pytest.fixture(autouse=True)
def quiet_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """python-sscha prints a lot and may leave files where it runs."""
    monkeypatch.chdir(tmp_path)
    yield
    capfd.readouterr()
