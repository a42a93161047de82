"""A run that could wait for itself is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from aiida_anhcsp.cli.inputs.models import (
    ActiveInput,
    CorrectInput,
    CspInput,
    HessianInput,
    LabelRunInput,
    PhaseDiagramInput,
    SearchInput,
    SschaInput,
    SschaOnLabelsInput,
)
from aiida_anhcsp.cli.slots import require_slots, waiting_parents
from aiida_anhcsp.engine.errors import InputError

SEARCH: dict[str, Any] = {"formula": "Cu", "population": 4, "generations": 2, "seed": 1, "pressure": 0}
ASE = {"engine": "ase", "code": "x@y"}
LEARNING = {"number": 1, "distortions": 1, "label": ASE}
POINT = {"pressure": 0, "temperature": 0, "stages": ["1x1x1:10"], "seed": 1}
GRID = {"pressures": [0, 1], "temperatures": [0], "stages": ["1x1x1:10"], "seed": 1, "max_concurrent": 5}
GIBBS = {"temperature": 300, "stages": ["2x2x2:10"], "seed": 1, "max_concurrent": 4}
SSCHA = {"number": 1, "temperatures": [0], "stages": ["1x1x1:10"], "seed": 1, "max_concurrent": 6}


def test_parents_that_wait_at_one_time_are_counted() -> None:
    plain = {"potential": "mtp", "search": SEARCH}
    assert waiting_parents(SearchInput.model_validate(plain)) == 2
    assert waiting_parents(SearchInput.model_validate({**plain, "learning": LEARNING})) == 2
    committee = {**LEARNING, "sampler": "committee", "committee": 4}
    assert waiting_parents(SearchInput.model_validate({**plain, "learning": committee})) == 5
    assert waiting_parents(CspInput.model_validate({**plain, "sscha": SSCHA})) == 7
    gibbs = {"potential": "mtp", "search": {**SEARCH, "fitness": "gibbs"}, "sscha": GIBBS}
    assert waiting_parents(SearchInput.model_validate(gibbs)) == 5
    several = {**plain, "sscha": SSCHA, "learning": LEARNING, "pressures": [0, 1, 2, 3], "finetune": {"seed": 1}}
    assert waiting_parents(CspInput.model_validate(several)) == 9
    production = {**plain, "sscha": SSCHA, "production": {"pressures": [0, 1, 2, 3]}}
    assert waiting_parents(CspInput.model_validate(production)) == 9


def test_a_correction_waits_for_its_labels() -> None:
    keys = {"potential": "mtp", "search": SEARCH, "sscha": SSCHA, "correction": {"label": ASE}}
    assert waiting_parents(CspInput.model_validate(keys)) == 13


def test_vasp_labels_every_structure_in_a_work_chain_of_its_own() -> None:
    label = {"engine": "vasp", "code": "x@y", "max_concurrent": 3}
    assert waiting_parents(LabelRunInput.model_validate({"population": 1, "label": label})) == 4
    del label["max_concurrent"]
    assert waiting_parents(LabelRunInput.model_validate({"population": 1, "label": label})) == 9
    keys = {"potential": "mtp", "search": SEARCH, "learning": {**LEARNING, "label": label}}
    assert waiting_parents(SearchInput.model_validate(keys)) == 10


@pytest.mark.parametrize(
    ("model", "keys", "number"),
    [
        (LabelRunInput, {"population": 1, "label": ASE}, 1),
        (SschaInput, {"structure": 1, "potential": 2, "sscha": POINT}, 1),
        (ActiveInput, {"structure": 1, "active": {**POINT, "sample": "1x1x1:10"}, "label": ASE}, 2),
        (ActiveInput, {"structures": 1, "active": POINT, "label": ASE}, 5),
        (CorrectInput, {"sscha": 1, "correction": {"label": ASE}}, 2),
        (HessianInput, {"sscha": 1, "hessian": {"seed": 1}}, 1),
        (SschaOnLabelsInput, {"start": 1, "population": {"pressure": 0, "seed": 1}, "label": ASE}, 2),
        (PhaseDiagramInput, {"structures": 1, "potential": 2, "phase_diagram": GRID}, 6),
    ],
)
def test_every_kind_of_run_is_counted(model: type[BaseModel], keys: dict[str, Any], number: int) -> None:
    assert waiting_parents(model.model_validate(keys)) == number


def test_a_run_that_could_deadlock_is_refused_with_the_number_to_set() -> None:
    described = CspInput.model_validate({"potential": "mtp", "search": SEARCH, "sscha": SSCHA})
    require_slots(described, taken=0, slots=8)
    require_slots(described, taken=100, slots=None)
    with pytest.raises(InputError, match="worker_process_slots 9"):
        require_slots(described, taken=1, slots=8)
    plain = SearchInput.model_validate({"potential": "mtp", "search": SEARCH})
    with pytest.raises(InputError, match="worker_process_slots 3"):
        require_slots(plain, taken=0, slots=2)
