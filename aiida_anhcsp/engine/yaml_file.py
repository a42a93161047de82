"""The YAML files that users write: settings of the engine's commands and inputs of ``aiida-anhcsp launch``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .errors import InputError

BOOLEAN = "tag:yaml.org,2002:bool"


class Loader(yaml.SafeLoader):
    """YAML in which NO is nitric oxide and No is nobelium: yes, no, on and off are booleans in small letters only."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own attribute)
        first: [(tag, form) for tag, form in resolvers if tag != BOOLEAN]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Loader.add_implicit_resolver(BOOLEAN, re.compile("(true|True|TRUE|false|False|FALSE|yes|no|on|off)$"), list("tTfFyno"))


def read_mapping(path: Path, argument: str = "--settings") -> dict[str, Any]:
    """Keys and values of a YAML (or JSON) file.

    :param argument: what an error about the file as a whole names
    :raises InputError: the file is missing, is no YAML, holds no mapping, or gives a key twice.
    """
    if not path.is_file():
        raise InputError(argument, f"no file {path}", "give the path of a YAML file")
    try:
        content = _content(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(argument, f"{path} is no YAML ({error})", "correct its syntax") from error
    if not isinstance(content, dict):
        raise InputError(argument, f"{path} holds no keys", "write KEY: VALUE lines, as formula: H3S")
    return {str(key): value for key, value in content.items()}


def _content(text: str) -> Any:
    loader = Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        if (error := next(_repeated(root, "", set()), None)) is not None:
            raise error
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _repeated(node: yaml.Node, place: str, seen: set[int]) -> Iterator[InputError]:
    """Keys that stand twice in one group, of which YAML readers keep the last.

    :param seen: nodes that have been looked at, as an anchor may stand at several places, even within itself
    """
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, inner in enumerate(node.value):
            yield from _repeated(inner, f"{place}.{number}", seen)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            name, line = f"{place}.{key.value}".removeprefix("."), key.start_mark.line + 1
            if key.value in lines:
                where = f"on lines {lines[key.value]} and {line}" if lines[key.value] < line else f"on line {line}"
                yield InputError(name, f"given twice, {where}", "keep one")
            lines[key.value] = line
            yield from _repeated(value, name, seen)
