"""A directive that lists the keys of groups of an input file, from the classes that read it."""

from collections.abc import Iterator
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sphinx.application import Sphinx


def groups() -> dict[str, type[BaseModel]]:
    """Headings and the classes of their keys."""
    from aiida_anhcsp.cli.inputs import models

    return {
        "search": models.SearchSettings,
        "learning": models.LearningInput,
        "sscha of launch csp": models.FinalistInput,
        "sscha of launch search, with fitness: gibbs": models.GibbsInput,
        "correction": models.CorrectionInput,
        "dft_relax": models.DftRelaxInput,
    }


def rows(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Key with full stops, type, default and description, of the groups within too."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}", type_of(field), default_of(field), field.description or ""
        for choice in (field.annotation, *get_args(field.annotation)):
            if isinstance(choice, type) and issubclass(choice, BaseModel) and choice.model_config["extra"] == "forbid":
                yield from rows(choice, f"{prefix}{name}.")


def type_of(field: FieldInfo) -> str:
    """The type as text; a group of keys is called so."""
    kinds = [field.annotation, *get_args(field.annotation)]
    if any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in kinds):
        return "keys"
    annotation: Any = field.annotation
    given = [kind for kind in get_args(annotation) if kind is not NoneType]
    if len(given) == 1 and get_origin(given[0]) is Annotated:
        annotation = get_args(given[0])[0]
    text = annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)
    return text.replace("typing.", "").removesuffix(" | None")


def default_of(field: FieldInfo) -> str:
    """The default as text, "needed" where there is none."""
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel) or value is None or value in ({}, ""):
        return ""
    return f"``{value}``"


def table(model: type[BaseModel]) -> list[str]:
    """A table of the keys, in reStructuredText."""
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - key",
        "     - type",
        "     - default",
        "     - meaning",
    ]
    for key, kind, default, meaning in rows(model):
        lines += [f"   * - ``{key}``", f"     - ``{kind}``", f"     - {default}", f"     - {meaning}"]
    return [*lines, ""]


class InputKeys(Directive):
    """For each group of keys a heading and a table."""

    def run(self) -> list[nodes.Node]:
        found: list[nodes.Node] = []
        for name, model in groups().items():
            section = nodes.section(ids=[nodes.make_id(f"keys {name}")])
            section += nodes.title("", name)
            self.state.nested_parse(StringList(table(model), name), self.content_offset, section)
            found.append(section)
        return found


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("input-keys", InputKeys)
    return {"parallel_read_safe": True}
