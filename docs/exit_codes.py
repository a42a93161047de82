"""A directive that lists the exit codes of all processes of this package."""

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

GROUPS = ("aiida.workflows", "aiida.calculations")
OF_AIIDA = 200
"""Lower numbers, and the 100s of jobs, are AiiDA's own."""


def rows() -> list[tuple[str, str, str]]:
    """Entry point, number with name, and message."""
    from aiida.plugins.entry_point import get_entry_point_names, load_entry_point

    found = []
    for group in GROUPS:
        for name in sorted(name for name in get_entry_point_names(group) if name.startswith("anhcsp.")):
            process = load_entry_point(group, name)
            codes = process.spec().exit_codes if hasattr(process, "spec") else {}  # calcfunctions have none
            for label, code in sorted(codes.items(), key=lambda item: item[1].status):
                if code.status >= OF_AIIDA:
                    found.append((name, f"{code.status} ``{label}``", code.message.replace("*", r"\*")))
    return found


class ExitCodes(Directive):
    """A table: process, exit status, meaning."""

    def run(self) -> list[nodes.Node]:
        lines = [".. list-table::", "   :header-rows: 1", "", "   * - process", "     - status", "     - meaning"]
        for name, status, message in rows():
            lines += [f"   * - ``{name}``", f"     - {status}", f"     - {message}"]
        container = nodes.container()
        self.state.nested_parse(StringList(lines, "exit codes"), self.content_offset, container)
        return container.children


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("exit-codes", ExitCodes)
    return {"parallel_read_safe": True}
