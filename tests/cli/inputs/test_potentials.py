"""Potentials that input files name, and what a stranger's archive can make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiida.orm import User
from aiida.tools import delete_nodes
from aiida.tools.archive import create_archive, import_archive

from aiida_anhcsp.cli.inputs.potentials import find_potential, from_specification
from aiida_anhcsp.data.potential import PotentialData
from aiida_anhcsp.engine.errors import InputError

EMT = "ase:ase.calculators.emt:EMT"
REFUSED = "came from an archive or another user"


@pytest.fixture
def stranger(aiida_profile_clean: Any) -> User:
    """A user of another profile."""
    return User(email="stranger@elsewhere").store()


def foreign(user: User, label: str = "", **attributes: str) -> PotentialData:
    """A potential as an archive may hold it: it runs a program."""
    node = PotentialData.from_callable("subprocess:Popen", {"args": "false"})
    node.base.attributes.set_many(attributes)
    node.user, node.label = user, label
    return node.store()


@pytest.mark.parametrize("text", ["mattersim:mini-H-S", EMT])
def test_a_label_never_stands_for_a_specification(stranger: User, text: str) -> None:
    foreign(stranger, label=text)
    node = find_potential(text, "potential")
    assert not node.is_stored
    assert node.kind == text.partition(":")[0]


def test_code_of_another_user_is_refused_until_it_is_imported_again(stranger: User) -> None:
    node = PotentialData.from_callable("ase.calculators.emt:EMT", {})
    node.user, node.label = stranger, "emt"
    node.store()
    for name in ("emt", node.pk, node.uuid):
        with pytest.raises(InputError, match=f"^potential: node {node.pk} names code to run, and {REFUSED}"):
            find_potential(name, "potential")
    with pytest.raises(InputError, match=REFUSED):
        _ = node.specification
    own = from_specification(EMT, "SPEC").store()
    own.label = "emt"
    assert find_potential("emt", "potential").pk == own.pk != node.pk


def test_code_of_an_archive_is_refused_though_its_user_has_the_same_name(
    aiida_profile_clean: Any, tmp_path: Path
) -> None:
    node = PotentialData.from_callable("ase.calculators.emt:EMT", {}).store()
    uuid = node.uuid
    assert find_potential(uuid, "potential").user.is_default
    create_archive([node], filename=tmp_path / "archive.aiida")
    delete_nodes([node.pk], dry_run=False)
    import_archive(tmp_path / "archive.aiida")
    with pytest.raises(InputError, match=REFUSED):
        find_potential(uuid, "potential")


@pytest.mark.parametrize("kind", ["guarded", "ase:subprocess:Popen"])
def test_a_kind_that_archives_make_up_is_refused(stranger: User, kind: str) -> None:
    with pytest.raises(InputError, match=REFUSED):
        find_potential(foreign(stranger, kind=kind).pk, "potential")


def test_a_digest_that_an_archive_makes_up_stands_for_nothing(stranger: User, tmp_path: Path) -> None:
    genuine = PotentialData.from_specification("mattersim:mini-H-S")
    path = tmp_path / "other.pth"
    path.write_bytes(b"other weights")
    forged = PotentialData.from_file(path, "mattersim")
    forged.base.attributes.set("sha256", genuine.base.attributes.get("sha256"))
    forged.store()
    assert not find_potential("mattersim:mini-H-S", "potential").is_stored
    stored = genuine.store()
    assert find_potential("mattersim:mini-H-S", "potential").pk == stored.pk


def test_a_model_file_of_another_user_is_data(stranger: User, tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(b"weights")
    node = PotentialData.from_file(path, "mattersim")
    node.user, node.label = stranger, "theirs"
    node.store()
    assert find_potential("theirs", "potential").pk == node.pk
    assert node.specification == "mattersim:potential.pth"
