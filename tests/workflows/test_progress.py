"""What the work chain knows of its population ends it where the engine ends."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.search.loop import should_continue, summary
from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.settings import SearchSettings
from aiida_anhcsp.workflows.progress import knowledge

SETTINGS = SearchSettings.parse(
    {
        "composition": {"elements": {"Cu": "0-4", "Au": "0-4"}, "atoms": "1-6"},
        "population": 4,
        "generations": 9,
        "seed": 1,
        "stop": {"generations_without_better": 1},
    }
)


def phase(formula: str, generation: int, enthalpy: float) -> Atoms:
    frame = Atoms(formula, cell=np.full(3, 2.5 + 0.1 * len(formula)), pbc=True)
    frame.set_scaled_positions([[place / len(frame)] * 3 for place in range(len(frame))])
    frame.info = {"id": f"g{generation:03d}-{formula}", "generation": generation, "operator": "random"}
    frame.info |= {"status": "converged", "enthalpy": enthalpy, "spacegroup": "P1"}
    return frame


@pytest.mark.parametrize(("enthalpy", "goes_on"), [(-1.52, True), (-1.5005, False), (-1.4, False)])
def test_the_row_of_the_work_chain_is_that_of_the_engine(enthalpy: float, goes_on: bool) -> None:
    elements = [phase("Cu", 0, -1.0), phase("Au", 0, -2.0)]
    population = rank([*elements, phase("CuAu", 1, enthalpy), phase("Cu3Au", 1, -1.0)], SETTINGS)
    rows = [summary(rank(elements, SETTINGS), 0, SETTINGS), summary(population, 1, SETTINGS)]
    known = [knowledge(population, generation, 2, SETTINGS) for generation in (0, 1)]
    for row, other in zip(rows, known, strict=True):
        assert (row.lowest_enthalpy, row.lowest_id, row.relaxed) == (other.lowest_enthalpy, other.lowest_id, 2)
        assert row.hull_fall == other.hull_fall
    assert should_continue(SETTINGS, rows) == should_continue(SETTINGS, known) == goes_on
