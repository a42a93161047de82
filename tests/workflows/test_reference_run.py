"""From a potential to a reference, in this process: SSCHA, its correction, and SSCHA on the reference itself."""

from __future__ import annotations

from typing import Any

import pytest
from ase.build import bulk


@pytest.mark.slow
def test_the_correction_and_the_reference_s_own_sscha_agree(engine_code: Any, emt: Any) -> None:
    from aiida.engine import run_get_node
    from aiida.orm import Dict, StructureData

    from aiida_anhcsp.data.potential import PotentialData
    from aiida_anhcsp.workflows.correct import CorrectWorkChain
    from aiida_anhcsp.workflows.sscha import SschaWorkChain
    from aiida_anhcsp.workflows.sscha_on_labels import SschaOnLabelsWorkChain

    reference = PotentialData.from_callable("ase.calculators.emt:EMT", {"asap_cutoff": True}, elements={"Cu"})
    settings = {"pressure": 10.0, "temperature": 0.0, "stages": ["2x2x2:60"], "seed": 1}
    structure = StructureData(ase=bulk("Cu", a=3.5))
    model, node = run_get_node(
        SschaWorkChain, code=engine_code, potential=emt, structure=structure, settings=Dict(settings)
    )
    assert node.is_finished_ok, node.exit_message
    labels = {"label_engine": "anhcsp.label.ase", "label": {"code": engine_code, "potential": reference}}
    corrected, node = run_get_node(
        CorrectWorkChain,
        code=engine_code,
        result=model["result"],
        dynamical_matrices=model["dynamical_matrices"],
        audit=model["audit"],
        settings=Dict({"first": 10, "target": 0.001}),
        **labels,
    )
    assert node.is_finished_ok, node.exit_message
    own, node = run_get_node(
        SschaOnLabelsWorkChain,
        code=engine_code,
        start=model["dynamical_matrices"],
        potential=emt,
        settings=Dict({"pressure": 10.0, "configurations": 60, "seed": 2}),
        **labels,
    )
    assert node.is_finished_ok, node.exit_message
    difference = corrected["result"]["reminimised"]["gibbs_free_energy"] - own["result"]["gibbs_free_energy"]
    assert abs(corrected["result"]["free_energy_correction"]) > 1e-4
    assert abs(difference) < 0.002
