"""A run in a notebook: it shows itself, and hands out tables, structures and figures."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from aiida.orm import ProcessNode, load_node

from ..engine.errors import InputError
from ..engine.frames import bare
from .figures import figures_of
from .ranking import ranking_rows
from .structures import lowest_structures
from .summary import summary_of

if TYPE_CHECKING:
    from ase import Atoms
    from pandas import DataFrame
    from plotly.graph_objects import Figure
    from pymatgen.core import Structure


class Results:
    """What a run has found so far.

    :param run: its PK, UUID or node
    """

    def __init__(self, run: int | str | ProcessNode) -> None:
        self.node: ProcessNode = run if isinstance(run, ProcessNode) else load_node(run)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The ranking (:func:`aiida_anhcsp.report.ranking.ranking_rows`), empty where there is none."""
        try:
            return ranking_rows(self.node)
        except InputError:
            return []

    def to_dataframe(self) -> DataFrame:
        """The ranking, a row for each structure at each pressure and temperature."""
        import pandas

        return pandas.DataFrame(self.rows)

    def to_ase(self, number: int = 10) -> dict[str, Atoms]:
        """The lowest distinct structures, and the final cells and centroids of SSCHA, by the names they export under.

        :param number: how many relaxed structures at most
        """
        return lowest_structures(self.node, number)

    def to_pymatgen(self, number: int = 10) -> dict[str, Structure]:
        """The same as pymatgen's structures."""
        from pymatgen.io.ase import AseAtomsAdaptor

        return {name: AseAtomsAdaptor.get_structure(bare(atoms)) for name, atoms in self.to_ase(number).items()}

    def figures(self) -> dict[str, Figure]:
        """The figures of the report by title; each shows itself and answers to the pointer."""
        return {panel.title: panel.plotly() for panel in figures_of(self.node)}

    def _repr_html_(self) -> str:
        """What a notebook shows: the summary and the ranking."""
        lines = "".join(
            f"<tr><th>{html.escape(what)}</th><td style='white-space: pre-line'>{html.escape(line)}</td></tr>"
            for what, line in summary_of(self.node, self.rows).items()
        )
        table = self.to_dataframe().drop(columns="distances", errors="ignore")
        shown = table.to_html(index=False, na_rep="") if len(table) else ""
        return f"<p>{html.escape(f'{self.node.process_label} {self.node.uuid}')}</p><table>{lines}</table>{shown}"
