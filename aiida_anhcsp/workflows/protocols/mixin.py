"""Protocols: settings by name, with the caller's overrides."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, ClassVar

import yaml

from ...engine.errors import InputError


class ProtocolMixin:
    """A work chain with defaults for several levels of care, in a YAML file beside this module."""

    PROTOCOL_FILE: ClassVar[str]

    @classmethod
    def get_available_protocols(cls) -> dict[str, str]:
        """Description of each protocol, by name."""
        return {name: protocol["description"] for name, protocol in cls._document()["protocols"].items()}

    @classmethod
    def get_default_protocol(cls) -> str:
        """Name of the protocol that is used unless another is named."""
        return str(cls._document()["default_protocol"])

    @classmethod
    def get_protocol_inputs(
        cls, protocol: str | None = None, overrides: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Settings of a protocol, with ``overrides`` merged into them at every level.

        :raises InputError: there is no protocol of this name.
        """
        name = protocol or cls.get_default_protocol()
        known = cls.get_available_protocols()
        if name not in known:
            raise InputError("protocol", f"{name!r} is unknown", f"give one of {', '.join(known)}")
        return merged(inputs_in(cls.PROTOCOL_FILE, name), overrides or {})

    @classmethod
    def _document(cls) -> dict[str, Any]:
        return read_protocols(cls.PROTOCOL_FILE)


def read_protocols(file: str) -> dict[str, Any]:
    """A YAML file beside this module: ``default_protocol``, ``default_inputs``, ``protocols``, ``built_on``."""
    document: dict[str, Any] = yaml.safe_load(files(__package__).joinpath(file).read_text())
    return document


def inputs_in(file: str, protocol: str) -> dict[str, Any]:
    """Inputs of a protocol in a file, completing those of the same name in the file that it is built on."""
    document = read_protocols(file)
    base = inputs_in(f"{document['built_on']}.yaml", protocol) if "built_on" in document else {}
    chosen = {key: value for key, value in document["protocols"][protocol].items() if key != "description"}
    return merged(merged(base, document["default_inputs"]), chosen)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes``, mappings merged key by key at every level."""
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result
