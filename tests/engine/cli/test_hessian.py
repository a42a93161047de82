import json

import pytest

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.sscha.dynamics import harmonic, save, to_structure
from tests.engine.sscha.toy import bond_frequency, crystal

HARMONIC = 'ase:tests.engine.sscha.toy:QuarticBond:{"lam": 0.0}'


@pytest.fixture
def sscha_outdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(harmonic(to_structure(crystal()), (1, 1, 1), load_potential(HARMONIC)), tmp_path / "sscha", 300.0)
    return tmp_path / "sscha"


def test_the_hessian_of_a_harmonic_crystal_is_its_force_constants(sscha_outdir, tmp_path, capfd):
    arguments = ["--potential", HARMONIC, "--configurations", "40", "--seed", "1", "--path", "GXM"]
    main(["hessian", str(sscha_outdir), str(tmp_path / "out"), *arguments])
    result = json.loads((tmp_path / "out/result.json").read_text())
    expected = [0, 0, 0] + [bond_frequency(5.0)] * 3
    assert result["frequencies_gamma"] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert result["dynamically_stable"] is True
    assert result["temperature"] == 300.0
    bands = result["dispersions"]
    assert bands["labels"] == ["GAMMA", "X", "X", "M"]
    assert bands["hessian"][0] == pytest.approx(expected, rel=1e-4, abs=1.0)
    assert len(bands["harmonic"]) == len(bands["auxiliary"]) == len(bands["distances"])
    assert "dynamically stable" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--configurations", "41"], "--configurations: 41 is odd"), (["--path", "GQ"], "--path: no point Q")],
)
def test_bad_options_name_themselves(sscha_outdir, tmp_path, capfd, options, message):
    with pytest.raises(SystemExit) as end:
        main(["hessian", str(sscha_outdir), str(tmp_path / "out"), "--potential", HARMONIC, "--seed", "1", *options])
    assert end.value.code == 2
    assert message in capfd.readouterr().err
