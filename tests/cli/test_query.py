"""Questions on the command line."""

from __future__ import annotations

from collections.abc import Callable

from ase.build import bulk

from aiida_anhcsp.data.population import PopulationData


def test_structures_of_a_formula_are_listed_lowest_first(program: Callable) -> None:
    from aiida.common.links import LinkType
    from aiida.orm import WorkChainNode

    frames = []
    for index, enthalpy in enumerate((0.2, 0.1)):
        frame = bulk("Cu")
        frame.info = {"id": f"g000-{index:04d}", "pressure": 5.0, "status": "converged", "enthalpy": enthalpy}
        frames.append(frame)
    search = WorkChainNode(process_type="aiida.workflows:anhcsp.search").store()
    population = PopulationData.from_frames(frames).store()
    population.base.links.add_incoming(search, LinkType.RETURN, "population")
    lines = program("query", "structures", "Cu", "--pressure", "5").output.splitlines()
    assert [line.split()[1] for line in lines[2:]] == ["g000-0001", "g000-0000"]
    assert len(program("query", "structures", "Cu", "--pressure", "5", "--below", "0.15").output.splitlines()) == 3


def test_a_formula_that_is_none_is_named(program: Callable) -> None:
    result = program("query", "structures", "H3?", "--pressure", "5")
    assert result.exit_code == 2
    assert result.output.startswith("Error: FORMULA: 'H3?'")
