"""What quantum ions did to a ranking."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.report.changes import changes_of, idealised, run_of


def row(identity: str, enthalpy: float, gibbs: float | None, rank: int | None) -> dict[str, Any]:
    """A row of a ranking."""
    result = {"id": identity, "pressure": 10.0, "temperature": 0.0, "enthalpy": enthalpy}
    return result if gibbs is None else {**result, "gibbs_free_energy": gibbs, "rank": rank}


def test_rescued_overtaken_and_merged_are_told_apart() -> None:
    rows = [row("b", 0.12, 0.240, 1), row("c", 0.15, 0.241, 2), row("a", 0.10, 0.250, 3), row("d", 0.3, None, None)]
    finals = {
        run_of(rows[0]): bulk("Cu", a=3.9),
        run_of(rows[1]): bulk("Cu", a=3.9, cubic=True),
        run_of(rows[2]): bulk("Cu", "bcc", a=2.9),
    }
    assert changes_of(rows, finals) == ["rescued", "merged with b", "overtaken", ""]


def test_the_same_crystal_at_two_temperatures_is_not_merged() -> None:
    rows = [row("a", 0.1, 0.24, 1), {**row("a", 0.1, 0.23, 1), "temperature": 300.0}]
    assert changes_of(rows, {run_of(r): bulk("Cu", a=3.9) for r in rows}) == ["", ""]


def test_noise_of_sscha_is_taken_away_before_crystals_are_compared() -> None:
    noisy: Atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    noisy.positions += np.random.default_rng(1).normal(scale=0.01, size=(8, 3))
    ideal = idealised(noisy)
    assert len(ideal) == 2
    assert np.allclose(ideal.get_scaled_positions() % 0.5, 0, atol=1e-6)
