"""What no potential is asked to compute."""

from __future__ import annotations

import re

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.potentials.screening import reduced_cell, refusal, right_handed


@pytest.fixture
def copper() -> Atoms:
    frame = bulk("Cu", cubic=True)
    frame.rattle(0.1, seed=1)
    return frame


def test_a_sane_frame_is_not_refused(copper):
    assert refusal(copper) is None


def test_a_position_that_is_not_a_number_is_nonfinite(copper):
    copper.positions[2, 1] = np.nan
    verdict = refusal(copper)
    assert (verdict.status, verdict.reason) == ("nonfinite", "position of atom 2 is not finite")


def test_a_cell_that_is_not_a_number_is_nonfinite(copper):
    copper.cell[0, 0] = np.inf
    assert refusal(copper).status == "nonfinite"


def test_overlapping_atoms_are_named_with_their_distance(copper):
    copper.positions[3] = copper.positions[1] + [0.0, 0.0, 0.1]
    verdict = refusal(copper)
    assert verdict.status == "too_close"
    assert "Cu1 and Cu3 are 0.1000 angstrom apart" in verdict.reason


def test_an_overlap_across_the_boundary_is_found(copper):
    copper.positions[0] = copper.positions[1] + copper.cell[2] + [0.1, 0.0, 0.0]
    assert refusal(copper).status == "too_close"


def test_an_image_too_near_is_an_overlap():
    assert refusal(Atoms("H", cell=[0.2, 5, 5], pbc=True)).status == "too_close"


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (Atoms(cell=[3, 3, 3], pbc=True), "no atoms"),
        (Atoms("Cu", cell=[3, 3, 3]), "not periodic"),
        (Atoms("Cu", cell=[[3, 0, 0], [0, 3, 0], [2, 2, 1e-9]], pbc=True), "apart|flat"),
    ],
)
def test_what_is_no_crystal_fails_with_a_reason(frame, reason):
    verdict = refusal(frame)
    assert verdict.status in ("failed", "too_close")
    assert re.search(reason, verdict.reason)


def test_an_unknown_species_is_named(copper):
    copper.symbols[1] = "Xe"
    assert refusal(copper, frozenset({"Cu"})).reason == "potential does not know Xe"


def test_the_other_handedness_spans_the_same_lattice(copper):
    mirrored = copper.copy()
    mirrored.set_cell(-copper.cell.array)
    assert np.allclose(right_handed(mirrored).cell, copper.cell)
    assert np.array_equal(right_handed(mirrored).positions, copper.positions)


def test_a_skewed_cell_is_reduced_within_its_lattice():
    cell = np.array([[3.0, 0, 0], [0, 3.0, 0], [0, 0, 3.0]])
    skewed = np.array([[1, 0, 0], [40, 1, 0], [-7, 9, 1]]) @ cell
    reduced = reduced_cell(skewed)
    assert np.allclose(np.linalg.norm(reduced, axis=1), 3.0)
    assert np.linalg.det(reduced) > 0


def test_the_company_of_broken_frames_changes_nothing(copper):
    potential = load_potential("ase:ase.calculators.emt:EMT")
    broken = copper.copy()
    broken.positions[0] = np.nan
    other = bulk("Cu", cubic=True).repeat((2, 1, 1))
    (alone,) = potential.evaluate([copper])
    together = potential.evaluate([other, broken, copper, broken])
    assert [evaluation.status for evaluation in together] == ["ok", "nonfinite", "ok", "nonfinite"]
    assert together[2].energy == alone.energy
    assert np.array_equal(together[2].forces, alone.forces)


@pytest.mark.parametrize("factor", [0.5, 1.0, 8.0])
def test_overlaps_are_found_in_cells_of_any_size(factor: float) -> None:
    cell = factor * 4.0
    for apart, status in ((0.29, "too_close"), (0.31, None)):
        frame = Atoms("H2", positions=[[0.1, 0, 0], [0.1 - apart, 0, 0]], cell=[cell] * 3, pbc=True)
        found = refusal(frame)
        assert (found and found.status) == status
