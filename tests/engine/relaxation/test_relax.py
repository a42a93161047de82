"""Relaxations against ASE's own minima, and the contract of the frames."""

from __future__ import annotations

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS, FIRE
from ase.units import GPa

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import labels_of, through_text
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.relaxation.settings import Method

from .conftest import EmtPotential, alloy


def minimum_by_ase(frame: Atoms, pressure: float, optimiser: type = BFGS) -> tuple[float, str]:
    """Enthalpy (eV/atom) and space group of the minimum ASE's filter and optimiser find from a frame."""
    atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=True, calculator=EMT())
    optimiser(FrechetCellFilter(atoms, scalar_pressure=pressure * GPa), logfile=None).run(fmax=0.01, steps=500)
    enthalpy = (atoms.get_potential_energy() + pressure * GPa * atoms.get_volume()) / len(atoms)
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    return enthalpy, spglib.get_symmetry_dataset(cell, symprec=0.05).international


@pytest.mark.parametrize(
    ("pressure", "method", "optimiser"), [(0.0, "lbfgs", BFGS), (20.0, "lbfgs", FIRE), (20.0, "fire", BFGS)]
)
def test_minima_are_those_of_the_frechet_cell_filter(
    emt: EmtPotential, alloys: list[Atoms], pressure: float, method: Method, optimiser: type
) -> None:
    for frame, relaxed in zip(alloys, relax(alloys, emt, pressure, RelaxSettings(method=method)), strict=True):
        enthalpy, spacegroup = minimum_by_ase(frame, pressure, optimiser)
        assert relaxed.info["status"] == "converged"
        assert relaxed.info["enthalpy"] == pytest.approx(enthalpy, abs=1e-3)
        assert relaxed.info["spacegroup"] == spacegroup


def test_fmax_is_the_criterion_of_the_frechet_cell_filter(emt: EmtPotential, alloys: list[Atoms]) -> None:
    for relaxed in relax(alloys, emt, 20.0, RelaxSettings(fmax=0.02)):
        relaxed.calc = EMT()
        forces = FrechetCellFilter(relaxed, scalar_pressure=20 * GPa).get_forces()
        assert np.linalg.norm(forces, axis=1).max() <= 0.02


def test_labels_and_enthalpy_belong_to_the_frame_as_written(emt: EmtPotential, alloys: list[Atoms]) -> None:
    for relaxed in through_text(relax(alloys, emt, 20.0)):
        again = emt.one(relaxed)
        labels = labels_of(relaxed)
        assert labels["energy"] == pytest.approx(again.energy, abs=1e-6)
        np.testing.assert_allclose(labels["forces"], again.forces, atol=1e-5)
        np.testing.assert_allclose(labels["stress"], again.stress, atol=1e-6)
        enthalpy = (labels["energy"] + 20 * GPa * relaxed.get_volume()) / len(relaxed)
        assert relaxed.info["enthalpy"] == pytest.approx(enthalpy, abs=1e-6)
        assert relaxed.info["pressure"] == 20.0


def test_frames_come_back_in_order_with_their_info(emt: EmtPotential, alloys: list[Atoms]) -> None:
    relaxed = relax(alloys, emt, 0.0, RelaxSettings(batch_atoms=8))
    assert [frame.info["id"] for frame in relaxed] == [frame.info["id"] for frame in alloys]
    assert all((frame.numbers == start.numbers).all() for frame, start in zip(relaxed, alloys, strict=True))
    assert all(frame.info["operator"] == "random" for frame in relaxed)


def test_a_structure_relaxes_the_same_alone_and_in_company(alloys: list[Atoms]) -> None:
    together = relax(alloys, EmtPotential(), 20.0)
    for start, accompanied in zip(alloys, together, strict=True):
        [alone] = relax([start], EmtPotential(), 20.0)
        np.testing.assert_array_equal(alone.positions, accompanied.positions)
        np.testing.assert_array_equal(alone.cell.array, accompanied.cell.array)
        assert alone.info == accompanied.info


def test_new_structures_enter_so_that_the_batch_stays_full(emt: EmtPotential) -> None:
    starts = [alloy("Cu4", seed) for seed in range(12)]
    relax(starts, emt, 0.0, RelaxSettings(batch_atoms=16))
    waiting = len(emt.calls) - max(frame.info["steps"] for frame in relax(starts[-4:], EmtPotential(), 0.0)) - 1
    assert max(emt.calls) == 16
    assert set(emt.calls[: waiting - 1]) == {16}


def test_a_left_handed_cell_ends_as_its_right_handed_twin(emt: EmtPotential) -> None:
    start = alloy("Cu3Au", 3)
    mirrored = start.copy()
    mirrored.set_cell(-start.cell.array)
    right, left = relax([start, mirrored], emt, 20.0)
    assert np.linalg.det(left.cell.array) > 0
    assert left.info["enthalpy"] == pytest.approx(right.info["enthalpy"], abs=1e-5)
    assert left.info["spacegroup"] == right.info["spacegroup"]


def test_a_skewed_cell_comes_back_reduced_and_wrapped(emt: EmtPotential) -> None:
    start = alloy("Cu3Au", 3)
    start.set_cell(np.array([[1, 0, 0], [2, 1, 0], [-1, 3, 1]]) @ start.cell.array)
    start.positions += 20.0
    [relaxed] = relax([start], emt, 0.0)
    assert (np.abs(relaxed.cell.angles() - 90) <= 30.0).all()
    fractional = relaxed.get_scaled_positions(wrap=False)
    assert (fractional >= -1e-6).all() and (fractional < 1.0 + 1e-6).all()


def test_a_start_far_from_its_pressure_is_brought_there(emt: EmtPotential) -> None:
    wide, near = alloy("Cu4", 1), alloy("Cu4", 1)
    wide.set_cell(wide.cell.array * 1.5, scale_atoms=True)
    relaxed = relax([wide, near], emt, 100.0)
    assert [frame.info["status"] for frame in relaxed] == ["converged", "converged"]
    assert relaxed[0].info["enthalpy"] == pytest.approx(relaxed[1].info["enthalpy"], abs=1e-3)


def test_unfinished_structures_carry_their_labels_and_a_reason(emt: EmtPotential, alloys: list[Atoms]) -> None:
    for frame in relax(alloys, emt, 20.0, RelaxSettings(max_steps=3)):
        assert frame.info["status"] == "max_steps"
        assert "fmax" in frame.info["reason"]
        assert frame.info["steps"] == 3
        assert labels_of(frame).keys() == {"energy", "forces", "stress"}


def test_no_frames_no_result(emt: EmtPotential) -> None:
    assert relax([], emt, 0.0) == []


@pytest.mark.parametrize("wrong", [{"fmax": 0.0}, {"max_steps": 0}, {"batch_atoms": 0}])
def test_settings_out_of_range_name_their_flag(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="--"):
        RelaxSettings(**wrong)
