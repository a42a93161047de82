"""The page as a file."""

from __future__ import annotations

import re
from pathlib import Path

from aiida.orm import WorkChainNode

from aiida_anhcsp.report.page import write_page
from aiida_anhcsp.report.page.write import embedded
from aiida_anhcsp.report.searches import searches_of


def own_part(page: str) -> str:
    """The page without the two libraries inside it."""
    return re.sub(r"<script>(?!\s*\"use strict\").*?</script>", "", page, flags=re.DOTALL)


def test_page_loads_nothing(whole: WorkChainNode, tmp_path: Path) -> None:
    text = own_part(write_page(whole, tmp_path / "page.html").read_text())
    assert "http" not in text
    assert "src=" not in text


def test_page_shows_the_ranking_the_changes_and_the_failure(whole: WorkChainNode, tmp_path: Path) -> None:
    text = own_part(write_page(whole, tmp_path / "page.html").read_text())
    for words in ("rescued", "merged with g000-0001", "overtaken", "0.2400 ± 0.0010", "the cell grew without end"):
        assert words in text
    assert whole.outputs.ranking.creator.inputs.population_p10.uuid in text


def test_labels_are_text_and_never_markup(whole: WorkChainNode, tmp_path: Path) -> None:
    assert "<h1>&lt;copper&gt; &amp; co</h1>" in write_page(whole, tmp_path / "page.html").read_text()
    assert "</script>" not in embedded({"name": "</script><script>alert(1)</script>"})


def test_a_search_alone_has_a_page_as_well(whole: WorkChainNode, tmp_path: Path) -> None:
    (search,) = searches_of(whole)
    text = own_part(write_page(search, tmp_path / "page.html").read_text())
    assert "By enthalpy, classical ions" in text
