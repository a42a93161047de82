"""A run in a notebook."""

from __future__ import annotations

from aiida.orm import WorkChainNode
from pymatgen.core import Structure

from aiida_anhcsp.report.results import Results


def test_a_run_shows_its_summary_and_its_ranking(whole: WorkChainNode) -> None:
    text = Results(whole.pk)._repr_html_()
    assert "G = 0.2400 ± 0.0010 eV/atom at 10 GPa, 0 K" in text
    assert text.count("g000-0001") >= 2
    assert whole.uuid in text


def test_a_run_hands_out_its_ranking_structures_and_figures(whole: WorkChainNode) -> None:
    results = Results(whole)
    table = results.to_dataframe()
    assert list(table["id"][table["rank"] == 1]) == ["g000-0001", "g000-0001"]
    structures = results.to_pymatgen(number=2)
    assert structures.keys() == results.to_ase(number=2).keys()
    assert sum(name.endswith("_relaxed") for name in structures) == 2
    assert all(isinstance(structure, Structure) for structure in structures.values())
    assert "Lowest free energy" in results.figures()


def test_a_run_without_a_ranking_shows_what_it_has(search: WorkChainNode) -> None:
    assert len(Results(search).to_dataframe()) == 0
    assert "2 of 6 structures relaxed" in Results(search)._repr_html_()
