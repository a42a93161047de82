"""All figures of a run, in the order of the page."""

from __future__ import annotations

from aiida.orm import ProcessNode

from ..changes import changes_of
from ..processes import work_chains_of
from ..provenance import final_structures, table_of
from ..searches import searches_of
from ..sscha import sscha_runs_of
from .dispersions import dispersion_panels
from .hull import classical_hull_panel, quantum_hull_panels
from .panel import Panel
from .phase_diagram import diagram_panels
from .ranking import phase_panel, ranked_panels
from .search import error_panels, history_panel, parity_panels
from .stages import stage_panels


def figures_of(node: ProcessNode) -> list[Panel]:
    """The figures that the run has data for."""
    panels: list[Panel | None] = []
    for number, search in enumerate(searches_of(node), start=1):
        suffix = "" if number == 1 else f"_{number}"
        panels += [history_panel(search, f"enthalpy{suffix}"), *error_panels(search, f"errors{suffix}")]
        panels.append(classical_hull_panel(search, f"hull{suffix}"))
    table = table_of(node)
    if table is not None:
        rows = table["rows"]
        panels += ranked_panels(rows, changes_of(rows, final_structures(node)))
        panels += [*quantum_hull_panels(rows), phase_panel(rows)]
        if "transitions" in table.get_dict():
            panels += diagram_panels(table.get_dict())
    for training in work_chains_of(node, "anhcsp.finetune"):
        panels += parity_panels(training, f"parity_{training.pk}")
    panels += stage_panels(sscha_runs_of(node))
    panels += dispersion_panels(node)
    return [panel for panel in panels if panel is not None and panel.series]
