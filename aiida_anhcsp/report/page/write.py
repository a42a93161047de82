"""Put a run on one HTML page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aiida.orm import Node, ProcessNode
from ase import Atoms
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ... import __version__
from ...data.population import PopulationData
from ...engine.errors import InputError
from ...engine.search.rank import is_relaxed
from ..changes import changes_of
from ..failures import failures_of
from ..figures import figures_of
from ..identical import identical_text
from ..processes import state_of
from ..progress import messages_of
from ..provenance import final_structures, given_and_found, sources_of, table_of
from ..ranking import ranking_rows
from ..searches import operators_of, population_so_far, searches_of, title_of
from ..sscha import sscha_runs_of
from ..study import study_text
from ..summary import summary_of
from ..transitions import transition_table
from .landscape import MOST, landscape, library


def write_page(node: ProcessNode, path: Path) -> Path:
    """Write the report of a run, as far as it is: a page that opens without a network, figures, map and all."""
    environment = Environment(
        loader=PackageLoader("aiida_anhcsp.report.page", "."), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["embedded"] = embedded
    environment.filters["number"] = number
    text = environment.get_template("page.html").render(
        **contents(node), version=__version__, plotly=Markup(get_plotlyjs()), chemiscope=Markup(library())
    )
    path.write_text(text)
    return path


def contents(node: ProcessNode) -> dict[str, Any]:
    """What the template shows, from the graph."""
    rows, why = rows_or_reason(node)
    table = table_of(node)
    by_free_energy = table is not None or any("sscha" in row for row in rows)
    hull = any("above_hull" in row for row in rows)
    changes = changes_of(rows, final_structures(node)) if by_free_energy else [""] * len(rows)
    panels = figures_of(node)
    frames = _relaxed(node)
    title = node.label or node.process_label
    sources = sources_of(node, rows)
    return {
        "title": title,
        "node": node,
        "state": state_of(node),
        "summary": summary_of(node, rows),
        "rows": list(zip(rows, changes, sources, strict=True)),
        "common": shared(sources) if rows else given_and_found(node),
        "why": why,
        "hull": hull,
        "transitions": None if table is None or "transitions" not in table.get_dict() else transition_table(table),
        "study": study_text(node.outputs.study.get_dict()) if "study" in node.outputs else "",
        "identical": "" if table is None else identical_text(table.get_dict()),
        "quantum": any("gibbs_free_energy" in row for row in rows),
        "searches": [(title_of(search), operators_of(search)) for search in searches_of(node)],
        "runs": sscha_runs_of(node),
        "panels": [(panel, json.loads(panel.plotly().to_json())) for panel in panels],
        "landscape": landscape(frames, title, hull) if frames else None,
        "on_map": (min(len(frames), MOST), len(frames)),
        "failures": failures_of(node),
        "messages": messages_of(node),
    }


def rows_or_reason(node: ProcessNode) -> tuple[list[dict[str, Any]], str]:
    """The ranking, or none and why."""
    try:
        return ranking_rows(node), "no structure could be ranked"
    except InputError as error:
        return [], error.problem


def shared(sources: list[dict[str, Node]]) -> dict[str, Node]:
    """The nodes that are behind every row."""
    if not sources:
        return {}
    return {
        what: first
        for what, first in sources[0].items()
        if all(what in other and other[what].uuid == first.uuid for other in sources)
    }


def embedded(document: Any) -> Markup:
    """JSON inside a script element: nothing in it can end the element."""
    text = json.dumps(document, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def number(value: float | None, form: str) -> str:
    """A number that may be absent."""
    return "" if value is None else format(value, form)


def _relaxed(node: ProcessNode) -> list[Atoms]:
    """The structures of the last search so far, or else of the run itself."""
    found = population_so_far((searches_of(node) or [node])[-1])
    if not isinstance(found, PopulationData):
        return []
    return [frame for frame in found.get_frames() if is_relaxed(frame)]
