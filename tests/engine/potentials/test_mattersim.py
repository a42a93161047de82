"""Checkpoints of MatterSim as potentials."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase import Atoms
from mattersim.forcefield.potential import MatterSimCalculator
from mattersim.forcefield.potential import Potential as StockPotential

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.potentials import load_potential, resolve
from aiida_anhcsp.engine.potentials.specification import parse_specification

from .models import random_frame, random_model, write_checkpoint


@pytest.fixture
def checkpoint(tmp_path):
    return write_checkpoint(tmp_path / "model.pth", random_model())


@pytest.fixture
def frames():
    rng = np.random.default_rng(1)
    return [random_frame(rng, atoms, 6.0) for atoms in (4, 1, 7)]


def test_a_file_written_by_mattersim_gives_its_calculators_numbers(tmp_path, frames):
    path = tmp_path / "stock.pth"
    StockPotential(random_model(), device="cpu").save(str(path))
    calculator = MatterSimCalculator.from_checkpoint(load_path=str(path), device="cpu")
    evaluations = load_potential(f"mattersim:{path}").evaluate(frames)
    for frame, evaluation in zip(frames, evaluations, strict=True):
        reference = frame.copy()
        reference.calc = calculator
        assert evaluation.energy / len(frame) == pytest.approx(reference.get_potential_energy() / len(frame), abs=2e-6)
        assert np.allclose(evaluation.forces, reference.get_forces(), atol=1e-4)
        assert np.allclose(evaluation.stress, reference.get_stress(), atol=1e-5)


def test_left_handed_cell_has_the_same_stress(checkpoint, frames):
    mirrored = [Atoms(frame.symbols, positions=frame.positions, cell=-frame.cell.array, pbc=True) for frame in frames]
    potential = load_potential(f"mattersim:{checkpoint}")
    for right, left in zip(potential.evaluate(frames), potential.evaluate(mirrored), strict=True):
        assert np.allclose(left.stress, right.stress, atol=1e-6)


def test_it_takes_any_element_of_its_input_layer_unless_the_checkpoint_lists_them(tmp_path, checkpoint):
    helium = Atoms("He", cell=[3, 3, 3], pbc=True)
    stock = load_potential(f"mattersim:{checkpoint}")
    assert (stock.elements, stock.cutoff) == (None, 4.0)
    assert stock.evaluate([helium])[0].status == "ok"
    ours = load_potential(f"mattersim:{write_checkpoint(tmp_path / 'ours.pth', random_model(), elements=['H', 'S'])}")
    assert ours.elements == frozenset({"H", "S"})
    assert ours.evaluate([helium])[0].reason == "potential does not know He"
    assert stock.evaluate([Atoms("Bk", cell=[3, 3, 3], pbc=True)])[0].reason == "potential does not know Bk"


def test_batches_do_not_change_the_answers(checkpoint, frames):
    together = load_potential(f"mattersim:{checkpoint}", batch_atoms=64).evaluate(frames)
    alone = load_potential(f"mattersim:{checkpoint}", batch_atoms=1).evaluate(frames)
    for one, other in zip(together, alone, strict=True):
        assert one.energy == pytest.approx(other.energy, abs=1e-5)
        assert np.allclose(one.forces, other.forces, atol=1e-5)


def test_a_broken_checkpoint_is_bad_input(tmp_path, checkpoint):
    (tmp_path / "text.pth").write_text("not a model")
    torch.save({"model_name": "graphormer"}, tmp_path / "other.pth")
    content = torch.load(checkpoint, weights_only=True)
    del content["model"]["final.g.0.linear.bias"]
    torch.save(content, tmp_path / "torn.pth")
    for name in ("text", "other", "torn"):
        with pytest.raises(InputError, match=f"{name}.pth .*; give a checkpoint of MatterSim's M3GNet architecture"):
            load_potential(f"mattersim:{tmp_path / name}.pth")


def test_a_checkpoint_executes_nothing(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    torch.save({"model_name": "m3gnet", "model": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(InputError, match="no checkpoint of weights alone"):
        load_potential(f"mattersim:{tmp_path / 'trap.pth'}")
    assert not (tmp_path / "executed").exists()


def test_a_pretrained_name_is_a_file_of_mattersims_cache(tmp_path, monkeypatch, checkpoint):
    monkeypatch.setenv("HOME", str(tmp_path))
    cached = tmp_path / ".local/mattersim/pretrained_models/mattersim-v1.0.0-1M.pth"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(checkpoint.read_bytes())
    assert resolve.resolve_file(parse_specification("mattersim:MatterSim-v1.0.0-1M")) == cached
    assert load_potential("mattersim:mattersim-v1.0.0-1M").cutoff == 4.0


def test_a_pretrained_name_is_downloaded_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    def unreachable(url, output_path):
        raise OSError("network is unreachable")

    monkeypatch.setattr("mattersim.utils.download_utils.download_file", unreachable)
    specification = parse_specification("mattersim:mattersim-v1.0.0-5M")
    with pytest.raises(InputError, match=r"not in .* could not be downloaded \(network is unreachable\); put the file"):
        resolve.resolve_file(specification)
    assert list(tmp_path.rglob("*.pth")) == []

    def reachable(url, output_path):
        with open(output_path, "wb") as file:
            file.write(url.encode())

    monkeypatch.setattr("mattersim.utils.download_utils.download_file", reachable)
    path = resolve.resolve_file(specification)
    assert path.read_bytes().endswith(b"mattersim-v1.0.0-5M.pth")
    assert list(path.parent.iterdir()) == [path]


def test_the_bundled_name_is_a_file_of_the_package(tmp_path, monkeypatch):
    bundled = tmp_path / "mini-H-S.pth"
    bundled.write_bytes(b"weights")
    monkeypatch.setitem(resolve.BUNDLED, "mini-H-S", bundled)
    assert resolve.resolve_file(parse_specification("mattersim:mini-H-S")) == bundled
