"""A potential as a node."""

from __future__ import annotations

import hashlib
import json

import pytest

from aiida_anhcsp.data.potential import PotentialData


def test_the_node_holds_the_file_itself(tmp_path):
    path = tmp_path / "model.pth"
    path.write_bytes(b"weights")
    node = PotentialData.from_file(path, "mattersim", {"S", "H"}, 5.0, name="mini").store()
    path.unlink()
    assert node.files() == {"potential.pth": b"weights"}
    assert node.base.attributes.get("sha256") == hashlib.sha256(b"weights").hexdigest()
    assert (node.elements, node.cutoff, node.specification) == (["H", "S"], 5.0, "mattersim:potential.pth")


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
