from pathlib import Path

import pytest
from ase import Atoms

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.frames import write_frames
from tests.engine.sscha.toy import crystal

TOY = "ase:tests.engine.sscha.toy:QuarticBond"


def status_and_message(capfd: pytest.CaptureFixture[str], folder: Path, atoms: Atoms, *options: str) -> tuple[int, str]:
    write_frames(folder / "input.extxyz", [atoms])
    defaults = ["--potential", TOY, "--pressure", "5", "--temperature", "0", "--stages", "1x1x1:20", "--seed", "1"]
    with pytest.raises(SystemExit) as end:
        main(["sscha", str(folder / "input.extxyz"), str(folder / "out"), *defaults, *options])
    return int(end.value.code or 0), capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stages", "0x1x1:20"], "--stages: '0x1x1:20' has a supercell of zero"),
        (["--stages", "1x1x1:21"], "--stages: '1x1x1:21' has an odd number"),
        (["--stages", ""], "--stages: no stage given"),
        (["--temperature", "-1"], "--temperature: -1.0 K"),
        (["--audit-only"], "--audit-only: there is nothing to audit"),
        (["--audit-only", "--no-audit"], "--no-audit: it contradicts --audit-only"),
        (["--start", "nowhere"], "--start: no folder nowhere"),
    ],
)
def test_bad_options_name_themselves(capfd, tmp_path, options, message):
    status, error = status_and_message(capfd, tmp_path, crystal(), *options)
    assert status == 2
    assert message in error


def test_overlapping_atoms_are_refused(capfd, tmp_path):
    atoms = crystal()
    atoms.positions[1] = [0.1, 0, 0]
    status, error = status_and_message(capfd, tmp_path, atoms)
    assert status == 2
    assert "STRUCTURE: atoms" in error and "overlap" in error


def test_a_potential_without_a_species_is_refused(capfd, tmp_path):
    status, error = status_and_message(capfd, tmp_path, crystal(), "--potential", "ase:ase.calculators.emt:EMT")
    assert status == 2
    assert "Na" in error or "Cl" in error
