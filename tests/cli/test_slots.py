"""A run that could wait for itself is refused."""

from __future__ import annotations

from typing import Any

import pytest

from aiida_anhcsp.cli.inputs.models import CspInput, SearchInput
from aiida_anhcsp.cli.slots import require_slots, waiting_parents
from aiida_anhcsp.engine.errors import InputError

SEARCH: dict[str, Any] = {"formula": "Cu", "population": 4, "generations": 2, "seed": 1, "pressure": 0}
LEARNING = {"number": 1, "distortions": 1, "label": {"engine": "ase", "code": "x@y"}}
GIBBS = {"temperature": 300, "stages": ["2x2x2:10"], "seed": 1, "max_concurrent": 4}
SSCHA = {"number": 1, "temperatures": [0], "stages": ["1x1x1:10"], "seed": 1, "max_concurrent": 6}


def test_parents_that_wait_at_one_time_are_counted() -> None:
    plain = {"potential": "mtp", "search": SEARCH}
    assert waiting_parents(SearchInput.model_validate(plain)) == 1
    assert waiting_parents(SearchInput.model_validate({**plain, "learning": LEARNING})) == 2
    assert waiting_parents(CspInput.model_validate({**plain, "sscha": SSCHA})) == 7
    gibbs = {"potential": "mtp", "search": {**SEARCH, "fitness": "gibbs"}, "sscha": GIBBS}
    assert waiting_parents(SearchInput.model_validate(gibbs)) == 5
    several = {**plain, "sscha": SSCHA, "learning": LEARNING, "pressures": [0, 1, 2, 3], "finetune": {"seed": 1}}
    assert waiting_parents(CspInput.model_validate(several)) == 9


def test_a_run_that_could_deadlock_is_refused_with_the_number_to_set() -> None:
    described = CspInput.model_validate({"potential": "mtp", "search": SEARCH, "sscha": SSCHA})
    require_slots(described, taken=0, slots=8)
    require_slots(described, taken=100, slots=None)
    with pytest.raises(InputError, match="worker_process_slots 9"):
        require_slots(described, taken=1, slots=8)
