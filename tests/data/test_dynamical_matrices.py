"""Dynamical matrices as a node."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.data.dynamical_matrices import DynamicalMatricesData
from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import write_frames


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "dynamical_matrices").mkdir()
    write_frames(tmp_path / "structure.extxyz", [bulk("Cu")])
    for number in (1, 2, 10):
        (tmp_path / "dynamical_matrices" / f"dyn{number}").write_text(f"matrix {number}")
    return tmp_path


def test_matrices_and_structure_come_back_as_a_start(folder, tmp_path_factory):
    (folder / "dynamical_matrices" / "dyn10").rename(folder / "dynamical_matrices" / "dyn3")
    node = DynamicalMatricesData.from_directory(folder, supercell=(2, 2, 2), temperature=0).store()
    target = tmp_path_factory.mktemp("start")
    node.write_to(target)
    assert (target / "dynamical_matrices" / "dyn3").read_text() == "matrix 10"
    np.testing.assert_allclose(node.get_structure().cell[:], bulk("Cu").cell[:], atol=1e-8)
    assert node.base.attributes.get("supercell") == [2, 2, 2]


def test_a_gap_in_the_matrices_is_refused(folder):
    with pytest.raises(InputError, match="must hold dyn1"):
        DynamicalMatricesData.from_directory(folder, supercell=(2, 2, 2), temperature=0)


def test_fewer_matrices_than_the_structure_tells_of_are_refused(folder):
    (folder / "dynamical_matrices" / "dyn10").unlink()
    copper = bulk("Cu")
    copper.info["n_irreducible"] = 3
    write_frames(folder / "structure.extxyz", [copper])
    with pytest.raises(InputError, match=r"must hold dyn1 ... dyn3, found dyn1, dyn2"):
        DynamicalMatricesData.from_directory(folder, supercell=(2, 2, 2), temperature=0)


def test_a_notebook_shows_what_the_matrices_are_of(folder):
    (folder / "dynamical_matrices" / "dyn10").rename(folder / "dynamical_matrices" / "dyn3")
    node = DynamicalMatricesData.from_directory(folder, supercell=(2, 2, 1), temperature=300)
    shown = node._repr_html_()
    assert "Cu, 300 K, supercell 2x2x1, 3 irreducible q points" in shown
    assert "<td>Cu</td>" in shown
    assert node.to_pymatgen().composition.reduced_formula == "Cu"
    assert list(node.to_dataframe().columns) == ["symbol", "x", "y", "z"]
