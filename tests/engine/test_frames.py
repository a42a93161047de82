import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import labels_of, read_frames, through_text, with_labels, write_frames


def test_labels_and_info_survive_the_file(tmp_path):
    frame = bulk("Cu", cubic=True)
    forces, stress = np.arange(12.0).reshape(4, 3), np.arange(6.0) / 100
    frame.info = {"id": "g000-0001", "enthalpy": -1.25, "generation": 0}
    write_frames(tmp_path / "a.extxyz", [with_labels(frame, -3.5, forces, stress, operator="random")])
    (again,) = read_frames(tmp_path / "a.extxyz")
    assert again.info == {"id": "g000-0001", "enthalpy": -1.25, "generation": 0, "operator": "random"}
    labels = labels_of(again)
    assert labels["energy"] == -3.5
    np.testing.assert_allclose(labels["forces"], forces)
    np.testing.assert_allclose(labels["stress"], stress)


def test_an_empty_value_does_not_cost_the_frame_its_periodicity():
    frame = bulk("Cu")
    frame.info = {"id": "a", "reason": "", "parents": None, "nothing": [], "none": np.array([])}
    (again,) = through_text([frame])
    assert again.pbc.all()
    assert again.info == {"id": "a"}


def test_text_is_a_fixed_point_after_one_passage():
    frame = bulk("Cu", cubic=True)
    frame.rattle(0.1, seed=1)
    (once,) = through_text([frame])
    (twice,) = through_text([once])
    assert (once.positions == twice.positions).all()
    assert (once.cell[:] == twice.cell[:]).all()


@pytest.mark.parametrize("content", [None, "", "not a structure"])
def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path, content):
    path = tmp_path / "in.extxyz"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError) as error:
        read_frames(path)
    assert str(error.value).startswith("IN.extxyz: ") and "\n" not in str(error.value)
