"""The tables of keys in the documentation."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from .commands import ROOT


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    """``docs/key_tables.py``."""
    spec = importlib.util.spec_from_file_location("key_tables", ROOT / "docs" / "key_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_key_says_what_it_means(tables: ModuleType) -> None:
    silent = [key for model in tables.groups().values() for key, *_, meaning in tables.rows(model) if not meaning]
    assert silent == []


def test_keys_within_groups_have_type_and_default(tables: ModuleType) -> None:
    found = {key: (kind, default) for key, kind, default, _ in tables.rows(tables.groups()["search"])}
    assert found["population"] == ("int", "needed")
    assert found["operators.random"] == ("float", "``0``")
    assert found["duplicates.enthalpy"] == ("float", "``0.003``")
    assert found["composition"] == ("keys", "")
