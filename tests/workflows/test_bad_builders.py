"""Bad input given in Python: one line that names the port and the fix, before anything is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ase.build import bulk

WRONG: list[tuple[str, str, Any, str, str]] = [
    # kind, port, value (a dictionary changes these keys of a Dict), what is named, the fix
    ("search", "settings", {"popluation": 8}, "popluation: unknown key", "did you mean population"),
    ("search", "settings", {"population": 0}, "population", "greater than or equal to 1"),
    ("search", "settings", {"population": "many"}, "population", "valid integer"),
    ("search", "settings", {"generations": 2.5}, "generations", "valid integer"),
    ("search", "settings", {"formula": "H3Xx"}, "formula", "chemical symbols"),
    ("search", "settings", {"formula": "; rm -rf /"}, "formula", "write it like H3S"),
    ("search", "settings", {"formula": None}, "formula: missing", "add this key"),
    ("search", "settings", {"formula_units": "4-1"}, "formula_units", "give a positive number"),
    ("search", "settings", {"pressure": float("inf")}, "pressure", "finite number"),
    ("search", "settings", {"minimum_distances": {"H": 1.0}}, "minimum_distances", "pairs like H-S"),
    ("search", "settings", {"minimum_distances": {"Cu-Au": 12.0}}, "minimum_distances", "shorter than a bond"),
    ("search", "settings", {"operators": {"heredity": -1}}, "operators.heredity", "greater than or equal to 0"),
    ("search", "settings", {"relax": {"fmax": 0}}, "relax.fmax", "greater than 0"),
    ("search", "settings", {"fitness": "gibbs"}, "sscha", "temperature"),
    ("search", "settings", {"fitness": "beauty"}, "fitness", "enthalpy"),
    ("search", "potential", "mattersim:mini-H-S", "potential", "PotentialData"),
    ("search", "code", "anhcsp-engine@localhost", "code", "AbstractCode"),
    ("search", "chunk_size", 0, "chunk_size", "give 1 or more"),
    ("search", "options", {"walltime": 60}, "options: unknown option 'walltime'", "resources"),
    ("search", "options", {"resources": 4}, "options: resources", "dict"),
    ("search", "runtime.device", "gpu", "runtime.device", "give cpu or cuda"),
    ("search", "runtime.threads", 0, "threads: 0", "give 1 or more"),
    ("search", "learning.label_engine", "anhcsp.relax", "label_engine", "anhcsp.label.gpaw"),
    ("search", "learning.label_engine", "anhcsp.label.abinit", "label_engine", "verdi plugin list"),
    ("search", "learning.settings", {"number": 0}, "learning.settings.number", "greater than or equal to 1"),
    ("search", "learning.settings", {"train": {"epocs": 3}}, "epocs", "epochs"),
    ("search", "learning.label", {"potental": 1}, "label.potental", "potential"),
    ("csp", "pressures", [10, 10], "pressures", "different numbers"),
    ("csp", "pressures", ["ten"], "pressures", "different numbers"),
    ("csp", "production", {"pressures": []}, "production.pressures", "at least 1 item"),
    ("csp", "sscha.settings", {"stages": ["2x2"]}, "stages", "2x2x2:500"),
    ("csp", "sscha.settings", {"temperatures": [-1]}, "temperatures", "not negative"),
    ("csp", "sscha.max_concurrent", 0, "max_concurrent", "give 1 or more"),
    ("sscha", "settings", {"seed": None}, "settings.seed", "valid integer"),
    ("sscha", "settings", {"stages": []}, "settings.stages", "at least 1 item"),
    ("sscha", "settings", {"temperature": -1}, "settings.temperature", "greater than or equal to 0"),
    ("relax", "max_jobs", 0, "max_jobs", "give 1 or more"),
    ("finetune", "settings", {"epochs": 0}, "epochs", "greater than or equal to 1"),
    ("finetune", "new", "mtp:new:{}", "potential", "new"),
    ("finetune", "potential", "emt", "potential: a potential of kind ase cannot be trained", "give mattersim"),
    ("search", "potential", "emt", "potential: a potential of kind ase cannot be trained", "give mattersim"),
    ("search", "learning.settings", {"new": "mtp:a.mtp", "initial": 4}, "is no new potential", "give mattersim:new"),
    ("relax", "pressure", "high", "pressure", "Float"),
    ("phase_diagram", "settings", {"pressures": [0, 0]}, "settings.pressures", "different"),
    ("label.gpaw", "settings", {"xc": "PBF"}, "settings.xc: GPAW knows no functional 'PBF'", "give one of LDA"),
    ("label.gpaw", "settings", {"cutoff": -5}, "settings.cutoff", "greater than 0"),
    ("label.gpaw", "settings", {"kpoints": 2}, "settings.kpoints", "kpoints_spacing"),
    ("label.ase", "max_failed_fraction", 2.0, "max_failed_fraction", "give 0 to 1"),
]


@pytest.fixture
def builder(engine_code: Any, system_python: Any, emt: Any, learner: Any, copper: Any) -> Callable[[str], Any]:
    """A builder of each kind that would be accepted."""
    from aiida.orm import StructureData
    from aiida.plugins import WorkflowFactory

    label = {"code": engine_code, "potential": emt}
    learning = {"label_engine": "anhcsp.label.ase", "label": label}
    given: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
        "search": ((engine_code, learner, "CuAu", 10.0), learning),
        "csp": ((engine_code, emt, "CuAu", 10.0), {}),
        "sscha": ((engine_code, emt, StructureData(ase=bulk("Cu", "hcp", a=2.55)), 10.0, 300.0), {}),
        "finetune": ((engine_code, learner, copper), {}),
        "relax": ((engine_code, emt, copper, 10.0), {}),
        "phase_diagram": ((engine_code, emt, copper, [0, 20]), {}),
        "label.gpaw": ((system_python, copper), {}),
        "label.ase": ((engine_code, copper), {"potential": emt}),
    }

    def make(kind: str) -> Any:
        arguments, names = given[kind]
        return WorkflowFactory(f"anhcsp.{kind}").get_builder_from_protocol(*arguments, protocol="fast", **names)

    return make


def set_port(builder: Any, port: str, value: Any) -> None:
    """Set a port of a builder; the keys in a dictionary replace those of the Dict that is there."""
    from aiida.orm import Dict

    *namespaces, name = port.split(".")
    for namespace in namespaces:
        builder = builder[namespace]
    old = builder.get(name) if name in builder else None
    if isinstance(value, dict) and (old is None or isinstance(old, Dict)):
        value = Dict({**(old.get_dict() if old else {}), **value})
    setattr(builder, name, value)


@pytest.mark.parametrize(("kind", "port", "value", "named", "fix"), WRONG)
def test_a_bad_input_is_named_with_the_fix_in_one_line(
    builder: Callable, kind: str, port: str, value: Any, named: str, fix: str, request: pytest.FixtureRequest
) -> None:
    from aiida.engine.utils import instantiate_process
    from aiida.manage import get_manager
    from aiida.orm import ProcessNode, QueryBuilder

    if value == "emt":
        value = request.getfixturevalue("emt")
    made, before = builder(kind), QueryBuilder().append(ProcessNode).count()
    with pytest.raises((ValueError, TypeError)) as caught:
        set_port(made, port, value)
        instantiate_process(get_manager().get_runner(), made)
    message = str(caught.value)
    assert named in message
    assert fix in message
    assert len(message.splitlines()) == 1
    assert QueryBuilder().append(ProcessNode).count() == before
