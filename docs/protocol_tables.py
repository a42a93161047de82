"""A directive that lists the protocols of all work chains, from their YAML files."""

from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx


def flattened(inputs: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Names with full stops and values of nested settings."""
    for name, value in inputs.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def table(process: Any) -> list[str]:
    """Rows: a setting, and what it is in each protocol."""
    protocols = process.get_available_protocols()
    inputs = {name: dict(flattened(process.get_protocol_inputs(name))) for name in protocols}
    settings = list(dict.fromkeys(setting for each in inputs.values() for setting in each))
    lines = [".. list-table::", "   :header-rows: 1", "", "   * - setting", *[f"     - {name}" for name in protocols]]
    lines += ["   * - ", *[f"     - {description}" for description in protocols.values()]]
    for setting in settings:
        values = [each.get(setting) for each in inputs.values()]
        lines += [
            f"   * - ``{setting}``",
            *[f"     - ``{value}``" if value is not None else "     -" for value in values],
        ]
    return [*lines, ""]


class Protocols(Directive):
    """For each work chain a heading and a table."""

    def run(self) -> list[nodes.Node]:
        from aiida.plugins.entry_point import get_entry_point_names, load_entry_point

        found: list[nodes.Node] = []
        for name in sorted(get_entry_point_names("aiida.workflows")):
            if name.startswith("anhcsp."):
                process = load_entry_point("aiida.workflows", name)
                section = nodes.section(ids=[nodes.make_id(f"protocols {name}")])
                section += nodes.title("", name)
                self.state.nested_parse(StringList(table(process), name), self.content_offset, section)
                found.append(section)
        return found


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("protocols", Protocols)
    return {"parallel_read_safe": True}
