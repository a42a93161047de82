import json

import pytest
from ase import Atoms

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.frames import with_labels, write_frames


def test_the_corrected_free_energy_is_written(tmp_path, capfd):
    cell = Atoms("H", positions=[[0, 0, 0]], cell=[2, 2, 2], pbc=True)
    audit = [with_labels(cell, energy, [[0, 0, 0]], [0] * 6, id=f"a{i:04d}") for i, energy in enumerate((1.0, 1.2))]
    labels = [with_labels(cell, energy, [[0, 0, 0]], [0] * 6, id=f"a{i:04d}") for i, energy in enumerate((1.5, 1.8))]
    write_frames(tmp_path / "audit.extxyz", audit)
    write_frames(tmp_path / "structure.extxyz", [cell])
    write_frames(tmp_path / "labels.extxyz", labels)
    names = ("free_energy_error", "pressure", "pressure_error", "pressure_target", "temperature")
    result = dict.fromkeys(names, 0.0) | {"source": "audit", "free_energy": 1.1, "volume": 8.0, "n_atoms": 1}
    (tmp_path / "result.json").write_text(json.dumps(result))
    main(["correct", str(tmp_path), str(tmp_path / "labels.extxyz"), str(tmp_path / "out.json")])
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["free_energy"] == pytest.approx(1.1 + 0.55)
    assert document["free_energy_correction_error"] == pytest.approx(0.05)
    assert "from 2 labels" in capfd.readouterr().out


def test_a_folder_without_a_result_is_refused(tmp_path, capfd):
    with pytest.raises(SystemExit) as end:
        main(["correct", str(tmp_path), str(tmp_path / "labels.extxyz"), str(tmp_path / "out.json")])
    assert end.value.code == 2
    assert "SSCHA_OUTDIR" in capfd.readouterr().err
