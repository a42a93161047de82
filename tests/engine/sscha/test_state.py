import shutil

import pytest

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.sscha import state
from aiida_anhcsp.engine.sscha.dynamics import harmonic, load, save, to_structure

from .copper_gold import copper_gold


class KillError(Exception):
    """Where a kill is played."""


@pytest.fixture
def saved(emt, tmp_path):
    """Matrices of 2x2x2 and the folder they are saved in."""
    phonons = harmonic(to_structure(copper_gold()), (2, 2, 2), emt)
    save(phonons, tmp_path, 300)
    return phonons, tmp_path


@pytest.mark.parametrize("steps", range(4))
def test_a_kill_leaves_the_old_state_or_the_new_one_or_none(saved, emt, monkeypatch, steps):
    phonons, folder = saved
    later = harmonic(to_structure(copper_gold(3.8)), (1, 1, 1), emt)
    done = []

    def until(step):
        def moved(self, target):
            if len(done) == steps:
                raise KillError
            done.append(self.name)
            return step(self, target)

        return moved

    for name in ("rename", "replace"):
        monkeypatch.setattr(state.Path, name, until(getattr(state.Path, name)))
    if steps < 3:
        with pytest.raises(KillError):
            save(later, folder, 300)
    else:
        save(later, folder, 300)
    if steps in (1, 2):
        with pytest.raises(InputError, match="no dynamical_matrices"):
            load(folder)
        return
    expected = phonons if steps == 0 else later
    assert load(folder).structure.unit_cell == pytest.approx(expected.structure.unit_cell)
    assert load(folder).GetSupercell() == expected.GetSupercell()


def test_a_state_that_was_cut_off_is_followed_by_a_whole_one(saved):
    phonons, folder = saved
    (folder / state.NEW_FOLDER / "dynamical_matrices").mkdir(parents=True)
    (folder / state.NEW_FOLDER / "dynamical_matrices" / "dyn9").write_text("of a killed process")
    save(phonons, folder, 300)
    assert load(folder).GetSupercell() == [2, 2, 2]
    assert not (folder / state.NEW_FOLDER).exists()


def test_a_missing_last_matrix_is_noticed(saved):
    phonons, folder = saved
    (folder / "dynamical_matrices" / f"dyn{phonons.nqirr}").unlink()
    with pytest.raises(InputError, match=rf"must hold dyn1 ... dyn{phonons.nqirr}, found dyn1"):
        load(folder)


def test_a_state_of_before_the_number_was_told_is_taken(saved):
    _, folder = saved
    structure = folder / "structure.extxyz"
    text = structure.read_text()
    assert f"{state.NUMBER}=" in text
    structure.write_text(text.replace(f"{state.NUMBER}=", "unknown="))
    assert load(folder).GetSupercell() == [2, 2, 2]


def test_a_copy_leaves_nothing_of_what_was_there(saved, emt, tmp_path_factory):
    _, folder = saved
    other = tmp_path_factory.mktemp("other")
    save(harmonic(to_structure(copper_gold(3.8)), (1, 1, 1), emt), other, 300)
    state.copy_state(other, folder)
    assert load(folder).GetSupercell() == [1, 1, 1]
    shutil.rmtree(other)
    state.drop_state(folder)
    with pytest.raises(InputError, match="no dynamical_matrices"):
        load(folder)
