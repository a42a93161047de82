"""A potential as a node."""

from __future__ import annotations

import hashlib
import io
import json
import sys

import pytest

from aiida_anhcsp.data.potential import PotentialData
from aiida_anhcsp.engine.errors import InputError


def test_the_node_holds_the_file_itself(tmp_path):
    path = tmp_path / "model.pth"
    path.write_bytes(b"weights")
    node = PotentialData.from_file(path, "mattersim", {"S", "H"}, 5.0, name="mini").store()
    path.unlink()
    assert node.files() == {"potential.pth": b"weights"}
    assert node.base.attributes.get("sha256") == hashlib.sha256(b"weights").hexdigest()
    assert (node.elements, node.cutoff, node.specification) == (["H", "S"], 5.0, "mattersim:potential.pth")


def test_the_file_of_a_node_is_never_called_what_an_archive_says():
    node = PotentialData(io.BytesIO(b"weights"), filename="bashrc")
    node.base.attributes.set("kind", "mattersim")
    assert (node.files(), node.specification) == ({"potential.pth": b"weights"}, "mattersim:potential.pth")


def test_an_mtp_keeps_the_order_of_its_species(tmp_path):
    path = tmp_path / "model.mtp"
    path.write_bytes(b"MTP")
    files = PotentialData.from_file(path, "mtp", ["S", "H"]).files()
    assert json.loads(files["potential.mtp.json"]) == {"elements": ["S", "H"]}
    with pytest.raises(ValueError, match="species"):
        PotentialData.from_file(path, "mtp")


def test_an_ase_calculator_needs_no_file_and_keeps_its_arguments():
    node = PotentialData.from_callable("ase.calculators.emt:EMT", {"fixed_cutoff": True})
    assert node.files() == {}
    assert node.specification == 'ase:ase.calculators.emt:EMT:{"fixed_cutoff": true}'


def test_the_name_is_not_part_of_what_is_loaded(tmp_path):
    path = tmp_path / "mattersim-v1.0.0-1M.pth"
    path.write_bytes(b"weights")
    assert PotentialData.from_file(path, "mattersim", name=path.stem).specification == "mattersim:potential.pth"


def test_a_calculator_is_imported_by_its_specification():
    node = PotentialData.from_specification("ase:ase.calculators.emt:EMT")
    assert (node.kind, node.specification) == ("ase", "ase:ase.calculators.emt:EMT")


@pytest.mark.parametrize("specification", ["emt", "mattersim:no-such-model", "ase:ase.calculators.emt:NoSuch"])
def test_what_cannot_be_loaded_is_refused_with_the_name_of_the_field(specification):
    with pytest.raises(InputError, match=r"^potential: "):
        PotentialData.from_specification(specification)


def test_a_broken_checkpoint_is_refused(tmp_path):
    path = tmp_path / "broken.pth"
    path.write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match=r"^potential: "):
        PotentialData.from_specification(f"mattersim:{path}")


def test_without_the_engine_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    monkeypatch.delitem(sys.modules, "aiida_anhcsp.engine.potentials.ase", raising=False)
    with pytest.raises(InputError, match=r"^potential: cannot be loaded here without threadpoolctl; .*\[engine\]"):
        PotentialData.from_specification("ase:ase.calculators.emt:EMT")


def test_a_notebook_shows_which_model_it_is_and_no_markup_of_others(tmp_path):
    path = tmp_path / "model.pth"
    path.write_bytes(b"weights")
    text = PotentialData.from_file(path, "mattersim", {"S", "H"}, 5.0, name="<b>")._repr_html_()
    assert hashlib.sha256(b"weights").hexdigest() in text
    assert "<b>" not in text
