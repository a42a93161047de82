import json

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.frames import write_frames
from tests.engine.sscha.copper_gold import copper_gold


def test_every_check_has_a_row_and_the_verdict_has_reasons(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    write_frames("input.extxyz", [copper_gold()])
    arguments = ["--potential", "ase:ase.calculators.emt:EMT", "--pressure", "5", "--seed", "1", "--number", "2"]
    main(["qualify", "input.extxyz", "out", *arguments, "--configurations", "20"])
    result = json.loads((tmp_path / "out/result.json").read_text())
    checks = [entry["check"] for entry in result["checks"]]
    assert checks == [
        "given structure",
        "random structures",
        "energy and volume",
        "forces and stress",
        "harmonic modes",
        "small SSCHA",
    ]
    failed = [entry["check"] for entry in result["checks"] if not entry["passed"]]
    assert result["verdict"] == ("unfit" if failed else "fit")
    assert len(result["reasons"]) == len(failed)
    assert f"verdict: {result['verdict']}" in capfd.readouterr().out
