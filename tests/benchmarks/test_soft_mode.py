"""How the benchmark of the soft mode of H3S finds the mode and its zero."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.sscha.dynamics import frequencies_gamma, harmonic, to_structure
from benchmarks.mini_model.prototypes import im3m
from benchmarks.sscha.soft_mode import soft_mode, zero


@pytest.mark.parametrize("lattice", [3.2, 2.9], ids=["unstable", "stable"])
def test_the_mode_is_a_threefold_one_at_gamma_in_any_supercell(lattice: float) -> None:
    potential = load_potential("mattersim:mini-H-S")
    squares = []
    for supercell in ((1, 1, 1), (2, 2, 2)):
        phonons = harmonic(to_structure(im3m(lattice)), supercell, potential)
        frequencies = np.array(frequencies_gamma(phonons))
        squares.append(soft_mode(phonons))
        same = np.isclose(np.sign(frequencies) * frequencies**2, squares[-1], rtol=1e-3)
        assert same.sum() == 3
    assert (squares[0] < 0) == (lattice == 3.2)
    assert squares[0] == pytest.approx(squares[1], rel=0.02)


def test_the_zero_is_interpolated_where_the_mode_becomes_stable() -> None:
    points = [{"pressure": p, "hessian": w} for p, w in ((150.0, 3.0), (50.0, -1.0), (100.0, 1.0))]
    assert zero(points, "hessian", "pressure") == pytest.approx(75.0)
    assert zero(points[::2], "hessian", "pressure") is None
