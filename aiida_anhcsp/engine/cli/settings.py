"""Settings files of the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError


def read_mapping(path: Path, argument: str = "--settings") -> dict[str, Any]:
    """Keys and values of a YAML (or JSON) file.

    :raises InputError: the file is missing, is no YAML or holds no mapping.
    """
    if not path.is_file():
        raise InputError(argument, f"no file {path}", "give the path of a YAML file")
    try:
        content = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(argument, f"{path} is no YAML ({error})", "correct its syntax") from error
    if not isinstance(content, dict):
        raise InputError(argument, f"{path} holds no keys", "write lines like 'formula: H3S'")
    return {str(key): value for key, value in content.items()}
