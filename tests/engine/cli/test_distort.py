"""``anhcsp-engine distort`` as a user meets it."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.frames import read_frames, write_frames


def test_copies_are_written_with_the_amplitude_asked_for(tmp_path):
    write_frames(tmp_path / "in.extxyz", [bulk("Cu", cubic=True)])
    options = ["--number", "3", "--amplitude", "0.1", "--strain", "0", "--seed", "1"]
    main(["distort", str(tmp_path / "in.extxyz"), str(tmp_path / "out.extxyz"), *options])
    copies = read_frames(tmp_path / "out.extxyz")
    assert [copy.info["id"] for copy in copies] == ["s0000-d00", "s0000-d01", "s0000-d02"]
    for copy in copies:
        moved = copy.positions - bulk("Cu", cubic=True).positions
        assert np.allclose(np.linalg.norm(moved, axis=1), 0.1, atol=1e-6)


@pytest.mark.parametrize(
    ("option", "value"), [("--number", "0"), ("--amplitude", "-1"), ("--strain", "2"), ("--seed", "x")]
)
def test_bad_values_are_refused_by_name(option, value, tmp_path, capsys):
    write_frames(tmp_path / "in.extxyz", [bulk("Cu")])
    arguments = ["distort", str(tmp_path / "in.extxyz"), str(tmp_path / "out.extxyz"), "--seed", "1", option, value]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert f"'{option}'" in capsys.readouterr().err
