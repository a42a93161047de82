"""The Hessian of a finished SSCHA run: an ensemble that grows until the verdict is clear."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SETTINGS = {"configurations": 20, "max_configurations": 40, "seed": 4, "resamples": 4}


@pytest.fixture
def state(tmp_path: Path) -> Any:
    """Harmonic matrices of AuCu3 by the effective-medium potential."""
    from aiida_anhcsp.data.dynamical_matrices import DynamicalMatricesData
    from aiida_anhcsp.engine.potentials import load_potential
    from aiida_anhcsp.engine.sscha.dynamics import harmonic, save, to_structure
    from tests.engine.sscha.copper_gold import copper_gold

    phonons = harmonic(to_structure(copper_gold()), (1, 1, 1), load_potential("ase:ase.calculators.emt:EMT"))
    save(phonons, tmp_path, 300)
    return DynamicalMatricesData.from_directory(tmp_path, supercell=(1, 1, 1), temperature=300.0)


@pytest.fixture
def inputs(engine_code: Any, emt: Any, state: Any) -> dict[str, Any]:
    from aiida.orm import Dict

    return {"code": engine_code, "potential": emt, "dynamical_matrices": state, "settings": Dict(SETTINGS)}


@pytest.fixture
def chain(inputs: dict[str, Any], generate_workchain: Callable) -> Any:
    from aiida_anhcsp.workflows.hessian import HessianWorkChain

    workchain = generate_workchain(HessianWorkChain, inputs)
    workchain.setup()
    return workchain


def outputs(stability: str, state: Any) -> dict[str, Any]:
    from aiida.orm import Dict

    verdict = {"stability": stability, "dynamically_stable": True, "lowest_frequency": 12.0, "configurations": 20}
    return {"result": Dict(verdict), "hessian": state.clone()}


def test_the_ensemble_doubles_while_the_noise_decides(chain: Any, add_child: Callable, state: Any) -> None:
    first = chain.compute()["current"].inputs.settings.get_dict()
    assert (first["configurations"], first["path"]) == (20, "auto")
    add_child(chain, "hessian_1", outputs("undecided", state))
    assert chain.judge() is None and chain.is_open()
    second = chain.compute()["current"].inputs.settings.get_dict()
    assert second["configurations"] == 40 and second["seed"] != first["seed"]
    last = add_child(chain, "hessian_2", outputs("undecided", state))
    assert chain.judge() is None and not chain.is_open()
    chain.results()
    assert chain.outputs["hessian"].pk == last.outputs.hessian.pk


def test_a_clear_verdict_ends_it(chain: Any, add_child: Callable, state: Any) -> None:
    add_child(chain, "hessian_1", outputs("stable", state))
    chain.judge()
    assert not chain.is_open()


def test_a_hessian_that_fails_is_told_and_a_second_one_leaves_the_first(
    chain: Any, add_child: Callable, state: Any
) -> None:
    first = add_child(chain, "hessian_1", outputs("undecided", state))
    chain.judge()
    add_child(chain, "hessian_2", {}, status=310, message="out of memory")
    assert chain.judge() is None and not chain.is_open()
    chain.results()
    assert chain.outputs["result"].pk == first.outputs.result.pk


def test_without_any_hessian_the_exit_code_says_why(chain: Any, add_child: Callable) -> None:
    add_child(chain, "hessian_1", {}, status=310, message="needs 5062.5 GB")
    assert "5062.5 GB" in chain.judge().message


def test_an_odd_ensemble_is_refused(inputs: dict[str, Any], generate_workchain: Callable) -> None:
    from aiida.orm import Dict

    from aiida_anhcsp.workflows.hessian import HessianWorkChain

    with pytest.raises(ValueError, match=r"settings\.configurations"):
        generate_workchain(HessianWorkChain, {**inputs, "settings": Dict({**SETTINGS, "configurations": 21})})


def test_a_run_gives_verdict_dispersions_and_matrices_that_the_report_shows(inputs: dict[str, Any]) -> None:
    from aiida.engine import run_get_node

    from aiida_anhcsp.report.figures.dispersions import dispersion_panels
    from aiida_anhcsp.report.hessians import stability_lines
    from aiida_anhcsp.workflows.hessian import HessianWorkChain

    found, node = run_get_node(HessianWorkChain, **inputs)
    assert node.is_finished_ok, node.exit_message
    result = found["result"].get_dict()
    assert result["stability"] == "stable" and len(result["frequencies_gamma"]) == 12
    assert set(result["dispersions"]) >= {"harmonic", "auxiliary", "hessian"}
    assert found["hessian"].supercell == (1, 1, 1)
    (panel,) = dispersion_panels(node)
    assert "stability stable" in panel.note
    (line,) = stability_lines(node)
    assert f"lowest frequency {result['lowest_frequency']:.1f} cm^-1" in line
