import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.units import GPa

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import bare, labels_of, read_frames, with_labels, write_frames
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.sscha.audit import audit
from aiida_anhcsp.engine.sscha.correction import as_ranked, correct, perturbative_correction
from aiida_anhcsp.engine.sscha.dynamics import harmonic, save, to_structure
from aiida_anhcsp.engine.sscha.settings import SschaSettings, parse_stages

from .conftest import toy
from .toy import crystal, exact


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Audit of a harmonic model (k = 7), whose SSCHA solution is itself."""
    tmp_path = tmp_path_factory.mktemp("audited")
    model = load_potential(toy(k=7.0, lam=0.0))
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), model)
    settings = SschaSettings(pressure=2.0, temperature=0.0, stages=parse_stages("1x1x1:400"), seed=1)
    outcome = audit(phonons, settings.stages[0], settings, model, tmp_path)
    save(phonons, tmp_path, 0.0)
    measurement = outcome.measurement
    result = {
        "source": "audit",
        "temperature": 0.0,
        "pressure_target": 2.0,
        "n_atoms": 2,
        "volume": measurement.volume,
        "free_energy": measurement.free_energy.value,
        "free_energy_error": measurement.free_energy.error,
        "pressure": measurement.pressure.value,
        "pressure_error": measurement.pressure.error,
    }
    (tmp_path / "result.json").write_text(json.dumps(result))
    return tmp_path


def labelled(folder: Path, specification: str, number: int = 400) -> list[Atoms]:
    """Some of the audit's frames with the labels of another potential."""
    frames = read_frames(folder / "audit.extxyz")[:number]
    evaluations = load_potential(specification).evaluate([bare(frame) for frame in frames])
    return [
        with_labels(frame, label.energy, label.forces, label.stress, label_origin="toy")
        for frame, label in zip(frames, evaluations, strict=True)
    ]


def test_the_correction_is_the_bound_on_the_reference_s_free_energy(audited):
    write_frames(audited / "labels.extxyz", labelled(audited, toy(k=5.0, lam=20.0)))
    document = correct(audited, audited / "labels.extxyz")
    _, free_energy = exact(5.0, 0)
    excess = document["free_energy"] - free_energy
    assert -3 * document["free_energy_error"] < excess < 1e-3 + 3 * document["free_energy_error"]
    assert document["label_origin"] == ["toy"]


def test_the_second_order_stands_beside_the_first(audited):
    write_frames(audited / "labels.extxyz", labelled(audited, toy(k=5.0, lam=20.0), 50))
    path = audited / "result.json"
    cold = path.read_text()
    path.write_text(json.dumps({**json.loads(cold), "temperature": 3000.0}))
    first, both = (correct(audited, audited / "labels.extxyz", order) for order in (1, 2))
    path.write_text(cold)
    second = both.pop("second_order")
    assert both == first
    assert second["gibbs_free_energy"] < first["gibbs_free_energy"]


def test_identical_labels_correct_nothing(audited):
    write_frames(audited / "labels.extxyz", read_frames(audited / "audit.extxyz")[:5])
    document = correct(audited, audited / "labels.extxyz")
    assert document["n_labels"] == 5
    assert document["free_energy_correction"] == pytest.approx(0, abs=1e-7)
    assert document["pressure_correction"] == pytest.approx(0, abs=1e-6)


def test_a_constant_shift_has_no_error(audited):
    frames = read_frames(audited / "audit.extxyz")[:5]
    shifted = []
    for frame in frames:
        labels = labels_of(frame)
        shifted.append(with_labels(frame, labels["energy"] - 3.0, labels["forces"], labels["stress"]))
    write_frames(audited / "labels.extxyz", shifted)
    document = correct(audited, audited / "labels.extxyz")
    assert document["free_energy_correction"] == pytest.approx(-3.0, abs=1e-7)
    assert document["free_energy_correction_error"] == pytest.approx(0, abs=1e-7)


def test_a_static_pressure_difference_is_found_and_moved_into_the_pressure_to_relax_at(audited):
    frames = read_frames(audited / "audit.extxyz")[:5]
    shifted = []
    for frame in frames:
        labels = labels_of(frame)
        stress = labels["stress"] - 5 * GPa * np.array([1, 1, 1, 0, 0, 0])
        shifted.append(with_labels(frame, labels["energy"], labels["forces"], stress))
    write_frames(audited / "labels.extxyz", shifted)
    document = correct(audited, audited / "labels.extxyz")
    assert document["pressure_correction"] == pytest.approx(5.0, abs=1e-5)
    assert document["pressure_to_relax_at"] == pytest.approx(-3.0, abs=1e-5)


def test_frames_that_are_not_of_the_audit_are_refused(audited):
    frames = read_frames(audited / "audit.extxyz")[:2]
    frames[0].info["id"] = "g000-0001"
    write_frames(audited / "labels.extxyz", frames)
    with pytest.raises(InputError, match="g000-0001 is none of the audit"):
        correct(audited, audited / "labels.extxyz")


def test_moved_atoms_are_refused(audited):
    frames = read_frames(audited / "audit.extxyz")[:2]
    labels = labels_of(frames[1])
    frames[1].positions[0] += 0.1
    frames[1] = with_labels(frames[1], labels["energy"], labels["forces"])
    write_frames(audited / "labels.extxyz", frames)
    with pytest.raises(InputError, match="differs from the audit's"):
        correct(audited, audited / "labels.extxyz")


def test_one_label_is_too_few(audited):
    write_frames(audited / "labels.extxyz", read_frames(audited / "audit.extxyz")[:1])
    with pytest.raises(InputError, match="at least two"):
        correct(audited, audited / "labels.extxyz")


def test_the_second_order_lowers_a_classical_gaussian_by_its_variance():
    difference = np.random.default_rng(1).normal(0.1, 0.01, size=20000)
    first, second = (perturbative_correction(difference, 1000.0, order) for order in (1, 2))
    assert first.value - second.value == pytest.approx(0.01**2 / (2 * 8.617333e-5 * 1000), rel=0.05)


def test_the_second_order_has_no_zero_temperature():
    with pytest.raises(ValueError, match="T = 0"):
        perturbative_correction(np.zeros(3), 0.0, 2)


@pytest.mark.parametrize("converged, value", [(True, -2.2), (False, -2.1)])
def test_the_reference_s_own_minimum_ranks_where_the_labels_led_there(converged, value):
    minimum = {"converged": converged, "gibbs_free_energy": -2.2}
    document = {"gibbs_free_energy": -2.1, "n_labels": 9, "reminimised": minimum}
    ranked = as_ranked(document)
    assert (ranked["gibbs_free_energy"], ranked["n_labels"]) == (value, 9)
