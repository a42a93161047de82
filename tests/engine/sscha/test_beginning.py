import logging

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import write_frames
from aiida_anhcsp.engine.sscha.beginning import begin
from aiida_anhcsp.engine.sscha.run import stages_of
from aiida_anhcsp.engine.sscha.settings import SYMMETRY_TOLERANCE
from aiida_anhcsp.engine.sscha.worker import PotentialChoice

WITH_RANGE = f"ase:{__name__}:ranged"


def ranged() -> EMT:
    """EMT that tells its range."""
    calculator = EMT()
    calculator.cutoff = 6.0
    return calculator


def nearly_primitive(residual: float = 0.005) -> Atoms:
    """Two atoms of fcc copper in a cell that is the primitive one but for a residual (angstrom)."""
    atoms = bulk("Cu", a=3.6) * (2, 1, 1)
    atoms.positions[1] += residual
    return atoms


@pytest.fixture
def state(tmp_path):
    """The state of a run that has come close to a smaller cell, as far as its structure goes."""
    (tmp_path / "earlier").mkdir()
    write_frames(tmp_path / "earlier/structure.extxyz", [nearly_primitive()])
    return tmp_path / "earlier"


def test_a_state_goes_on_in_its_own_cell(state):
    beginning = begin(state / "structure.extxyz", state, SYMMETRY_TOLERANCE)
    assert beginning.state == state
    assert np.allclose(beginning.atoms.cell.array, nearly_primitive().cell.array)


def test_without_a_state_the_structure_is_reduced(state):
    beginning = begin(state / "structure.extxyz", None, SYMMETRY_TOLERANCE)
    assert (len(beginning.atoms), beginning.n_atoms_given, beginning.state) == (1, 2, None)


def test_another_structure_that_is_primitive_in_less_starts_harmonically(state, tmp_path, caplog):
    write_frames(tmp_path / "other.extxyz", [bulk("Cu", a=3.7, cubic=True)])
    with caplog.at_level(logging.INFO):
        beginning = begin(tmp_path / "other.extxyz", state, SYMMETRY_TOLERANCE)
    assert (len(beginning.atoms), beginning.state) == (1, None)
    assert "harmonic start from the smaller cell" in caplog.text


def test_another_composition_is_refused(state, tmp_path):
    write_frames(tmp_path / "other.extxyz", [bulk("Au")])
    with pytest.raises(InputError, match=r"--start: .* is of Cu2, STRUCTURE of Au"):
        begin(tmp_path / "other.extxyz", state, SYMMETRY_TOLERANCE)


def test_a_larger_cell_than_that_of_the_state_is_refused(state, tmp_path):
    distorted = bulk("Cu", a=3.6, cubic=True)
    distorted.rattle(0.1, seed=1)
    write_frames(tmp_path / "other.extxyz", [distorted])
    with pytest.raises(InputError, match=r"--start: .* is of Cu2, STRUCTURE of Cu4"):
        begin(tmp_path / "other.extxyz", state, SYMMETRY_TOLERANCE)


def test_automatic_supercells_are_of_the_cell_a_state_goes_on_in(state, tmp_path):
    given = state / "structure.extxyz", "auto:20", PotentialChoice(WITH_RANGE), SYMMETRY_TOLERANCE, tmp_path / "out"
    (reduced,), (kept,) = stages_of(*given), stages_of(*given, start=state)
    assert 8 < kept.n_cells * 2 <= 16
    assert reduced.n_cells > kept.n_cells
