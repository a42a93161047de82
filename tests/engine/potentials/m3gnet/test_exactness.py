"""The factorised evaluation is the stock model's function."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress

from aiida_anhcsp.engine.potentials.m3gnet.compare import deviation
from aiida_anhcsp.engine.potentials.m3gnet.evaluate import choose_evaluator, evaluate_factorised
from aiida_anhcsp.engine.potentials.m3gnet.graph import batch_frames
from aiida_anhcsp.engine.potentials.m3gnet.model import FactorisedM3GNet
from aiida_anhcsp.engine.potentials.m3gnet.stock import evaluate_stock

from ..models import random_frame, random_model

ARCHITECTURES = [
    {"num_blocks": 3, "units": 128, "max_l": 4, "max_n": 4, "cutoff": 5.0, "threebody_cutoff": 4.0},  # 1M
    {"num_blocks": 2, "units": 32, "max_l": 3, "max_n": 3, "cutoff": 4.0, "threebody_cutoff": 3.0},
    {"num_blocks": 1, "units": 16, "max_l": 2, "max_n": 4, "cutoff": 4.5, "threebody_cutoff": 4.5},
    {"num_blocks": 1, "units": 24, "max_l": 4, "max_n": 1, "cutoff": 3.0, "threebody_cutoff": 2.0},
    {"num_blocks": 2, "units": 16, "max_l": 1, "max_n": 2, "cutoff": 3.5, "threebody_cutoff": 3.0},
]
SMALL = ARCHITECTURES[1]


def frames_of_all_kinds() -> list[Atoms]:
    rng = np.random.default_rng(7)
    return [
        random_frame(rng, 1, 4.0),
        random_frame(rng, 1, 1000.0),
        random_frame(rng, 2, 1.5),
        random_frame(rng, 4, 3.6),
        random_frame(rng, 9, 8.0, ("H", "S", "La", "O")),
        random_frame(rng, 16, 20.0, ("H", "Li")),
        random_frame(rng, 64, 12.0),
        random_frame(rng, 1, 0.9),
        random_frame(rng, 32, 3.7),
        random_frame(rng, 3, 150.0, ("H", "S", "La")),
    ]


@pytest.fixture(scope="module")
def small():
    return random_model(1, strength=30.0, **SMALL)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_energies_forces_and_stresses_are_those_of_the_stock_model(architecture):
    model = random_model(3, strength=30.0, **architecture)
    frames = frames_of_all_kinds()[: 5 if architecture["units"] == 128 else None]
    for frame, ours, theirs in zip(
        frames, evaluate_factorised(model, frames), evaluate_stock(model, frames), strict=True
    ):
        rounding = 4 * np.finfo(np.float32).eps * abs(theirs.energy)  # of the stock sum over atoms, in float32
        assert abs(ours.energy - theirs.energy) <= 1e-6 * len(frame) + rounding
        assert np.allclose(ours.forces, theirs.forces, rtol=0, atol=1e-4)
        assert np.allclose(ours.stress, theirs.stress, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("max_l", "max_n"), itertools.product(range(1, 5), repeat=2))
def test_every_basis_that_mattersim_takes_is_evaluated_fast(max_l, max_n):
    sizes = {"num_blocks": 1, "units": 8, "cutoff": 3.5, "threebody_cutoff": 3.0}
    assert deviation(random_model(max_l, strength=30.0, max_l=max_l, max_n=max_n, **sizes), ("H", "S")) == ""


def test_a_larger_basis_is_refused_by_mattersim_itself():
    with pytest.raises(AssertionError):
        random_model(1, num_blocks=1, units=8, max_l=5, max_n=4, cutoff=3.5, threebody_cutoff=3.0)


def test_the_written_gradient_is_that_of_autograd(small):
    frames = frames_of_all_kinds()
    model = FactorisedM3GNet.from_stock(small)
    energies, forces, stresses = model(batch_frames(frames, model.cutoff, model.threebody_cutoff))
    written = evaluate_factorised(small, frames)
    assert np.allclose([evaluation.energy for evaluation in written], energies, atol=1e-4)
    assert np.allclose(np.concatenate([evaluation.forces for evaluation in written]), forces, atol=2e-5)
    for evaluation, stress in zip(written, stresses, strict=True):
        assert np.allclose(evaluation.stress, full_3x3_to_voigt_6_stress(stress.numpy()), atol=1e-6)


@pytest.fixture(scope="module")
def double():
    return random_model(1, strength=30.0, **SMALL).double()


@pytest.mark.parametrize("number", [2, 3, 4])
def test_forces_in_double_precision_are_finite_differences(double, number):
    frame = frames_of_all_kinds()[number]
    (here,) = evaluate_factorised(double, [frame])
    direction = np.random.default_rng(0).normal(size=(len(frame), 3))
    moved = [frame.copy(), frame.copy()]
    moved[0].positions -= 1e-4 * direction
    moved[1].positions += 1e-4 * direction
    minus, plus = evaluate_factorised(double, moved)
    assert (here.forces * direction).sum() == pytest.approx(-(plus.energy - minus.energy) / 2e-4, abs=1e-6)


@pytest.mark.parametrize("number", [0, 3, 4])
def test_stress_in_double_precision_is_finite_differences(double, number):
    frame = frames_of_all_kinds()[number]
    (here,) = evaluate_factorised(double, [frame])
    strain = np.array([[1.0, 0.3, -0.2], [0.3, -0.5, 0.4], [-0.2, 0.4, 0.7]])
    strained = []
    for sign in (-1, 1):
        strained.append(frame.copy())
        strained[-1].set_cell(frame.cell.array @ (np.eye(3) + sign * 1e-5 * strain), scale_atoms=True)
    minus, plus = evaluate_factorised(double, strained)
    work = (voigt_6_to_full_3x3_stress(here.stress) * strain).sum() * frame.get_volume()
    assert work == pytest.approx((plus.energy - minus.energy) / 2e-5, abs=1e-6 * frame.get_volume())


def rotation(seed: int) -> np.ndarray:
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


def test_a_rotation_turns_forces_and_stress(double):
    frame = frames_of_all_kinds()[4]
    turn = rotation(5)
    turned = Atoms(frame.symbols, positions=frame.positions @ turn, cell=frame.cell.array @ turn, pbc=True)
    before, after = evaluate_factorised(double, [frame, turned])
    assert after.energy == pytest.approx(before.energy, abs=1e-9)
    assert np.allclose(after.forces, before.forces @ turn, atol=1e-9)
    stress = turn.T @ voigt_6_to_full_3x3_stress(before.stress) @ turn
    assert np.allclose(voigt_6_to_full_3x3_stress(after.stress), stress, atol=1e-9)


def test_translation_and_permutation_change_nothing(double):
    frame = frames_of_all_kinds()[4]
    order = np.random.default_rng(2).permutation(len(frame))
    other = frame[order]
    other.positions += [0.3, -7.0, 0.11]
    before, after = evaluate_factorised(double, [frame, other])
    assert after.energy == pytest.approx(before.energy, abs=1e-9)
    assert np.allclose(after.forces, before.forces[order], atol=1e-9)
    assert np.allclose(after.stress, before.stress, atol=1e-10)


def test_a_supercell_has_the_energy_and_the_stress_of_its_cells(double):
    frame = frames_of_all_kinds()[3]
    cell, supercell = evaluate_factorised(double, [frame, frame.repeat((2, 1, 3))])
    assert supercell.energy == pytest.approx(6 * cell.energy, abs=1e-8)
    assert np.allclose(supercell.forces[:4], cell.forces, atol=1e-9)
    assert np.allclose(supercell.stress, cell.stress, atol=1e-10)


def test_any_cell_of_a_lattice_gives_the_same(double):
    frame = frames_of_all_kinds()[3]
    skewed, mirrored = frame.copy(), frame.copy()
    skewed.set_cell(np.array([[1, 0, 0], [7, 1, 0], [-3, 5, 1]]) @ frame.cell.array)
    mirrored.set_cell(-frame.cell.array)
    before, *others = evaluate_factorised(double, [frame, skewed, mirrored])
    for after in others:
        assert after.energy == pytest.approx(before.energy, abs=1e-9)
        assert np.allclose(after.forces, before.forces, atol=1e-9)
        assert np.allclose(after.stress, before.stress, atol=1e-10)


def test_an_isolated_atom_has_its_shift_and_no_force(small):
    (evaluation,) = evaluate_factorised(small, [Atoms("H", cell=[20, 20, 20], pbc=True)])
    (theirs,) = evaluate_stock(small, [Atoms("H", cell=[20, 20, 20], pbc=True)])
    assert evaluation.energy == pytest.approx(theirs.energy, abs=1e-6)
    assert np.array_equal(evaluation.forces, np.zeros((1, 3)))
    assert np.array_equal(evaluation.stress, np.zeros(6))


def test_company_changes_nothing_but_rounding(small):
    frames = frames_of_all_kinds()
    together = evaluate_factorised(small, frames)
    alone = [evaluate_factorised(small, [frame])[0] for frame in frames]
    for one, other in zip(together, alone, strict=True):
        assert np.allclose(one.forces, other.forces, atol=1e-5)
        assert one.energy == pytest.approx(other.energy, rel=1e-6, abs=1e-5)


def test_gradients_by_the_weights_are_those_of_the_stock_model():
    """Of a loss on energies, forces and stresses, as training has it."""
    frames = frames_of_all_kinds()[3:5]
    model = random_model(2, strength=30.0, **SMALL).requires_grad_(True)
    factorised = FactorisedM3GNet.from_stock(model)
    batch = batch_frames(frames, factorised.cutoff, factorised.threebody_cutoff)
    energies, forces, stresses = factorised(batch, create_graph=True)
    (energies.sum() + forces.square().sum() + 100 * stresses.square().sum()).backward()
    ours = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    energies, forces, stresses = stock_with_graph(model, frames)
    (energies.sum() + forces.square().sum() + 100 * stresses.square().sum()).backward()
    for name, parameter in model.named_parameters():
        size = parameter.grad.abs().max()
        assert torch.allclose(ours[name], parameter.grad, rtol=0, atol=1e-4 * float(size) + 1e-6), name


def stock_with_graph(model, frames):
    from ase.units import GPa
    from mattersim.datasets.utils.build import build_dataloader
    from mattersim.forcefield.potential import Potential, batch_to_dict

    potential = Potential(model, device="cpu").train()
    arguments = {"cutoff": SMALL["cutoff"], "threebody_cutoff": SMALL["threebody_cutoff"], "only_inference": True}
    loader = build_dataloader(frames, batch_size=len(frames), **arguments)
    result = potential(batch_to_dict(next(iter(loader)), device="cpu"), include_forces=True, include_stresses=True)
    stresses = result["stresses"] * GPa
    return result["total_energy"], result["forces"], 0.5 * (stresses + stresses.transpose(1, 2))


def other_function():
    """A model whose function is not that of the architecture it claims."""
    model = random_model(1, strength=30.0, **SMALL)

    class Shifted(type(model)):
        def forward(self, inputs, dataset_idx=-1):
            return 1.1 * super().forward(inputs, dataset_idx)

    model.__class__ = Shifted
    return model


def test_an_unknown_architecture_is_noticed(small):
    assert deviation(small, ("H", "S")) == ""
    other = other_function()
    assert "eV/angstrom" in deviation(other, ("H", "S"))
    del other.graph_conv[0].gated_mlp_edge.sigma[1]
    assert "IndexError" in deviation(other, ("H", "S"))


def test_an_unknown_architecture_is_evaluated_by_the_stock_path_with_a_warning(small):
    assert choose_evaluator(small, ("H", "S")) is evaluate_factorised
    other, frame = other_function(), frames_of_all_kinds()[3]
    with pytest.warns(UserWarning, match="using MatterSim's"):
        evaluate = choose_evaluator(other, ("H", "S"))
    (evaluation,), (usual,) = evaluate(other, [frame]), evaluate_factorised(small, [frame])
    assert evaluation.energy == pytest.approx(1.1 * usual.energy, rel=1e-5)
    assert np.allclose(evaluation.forces, 1.1 * usual.forces, atol=1e-3)
