"""A real profile with a daemon, made by scripts/profile.sh and named by ANHCSP_TEST_PROFILE (see scripts/test.sh)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiida import load_profile
from aiida.manage.configuration import Profile, get_config
from aiida.manage.configuration.config import Config

BIN = Path(sys.executable).parent
VARIABLE = "ANHCSP_TEST_PROFILE"
LIMIT_SECONDS = 7200


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an integration test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session", autouse=True)
def aiida_config() -> Config:
    """The real configuration, where the unit tests have a temporary one."""
    return get_config()


@pytest.fixture(scope="session", autouse=True)
def run_aiida_broker_service() -> None:
    """Nothing to start: the daemon has its broker."""


@pytest.fixture(scope="session", autouse=True)
def aiida_profile(aiida_config: Config) -> Profile:
    """The real profile; its daemon runs, computer and codes are set up."""
    name = os.environ.get(VARIABLE)
    if name is None:
        pytest.skip(f"needs {VARIABLE}, a profile with a daemon: make test")
    profile = load_profile(name)
    program("setup")
    return profile


def program(*arguments: str) -> str:
    """Output of ``aiida-anhcsp``, which must succeed."""
    command = [BIN / "aiida-anhcsp", "--profile", os.environ[VARIABLE], *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def verdi(*arguments: str | Path) -> str:
    """Output of ``verdi``, which must succeed; for the profile of the tests unless ``-p`` names another."""
    profile = [] if "-p" in arguments else ["-p", os.environ[VARIABLE]]
    done = subprocess.run([BIN / "verdi", *profile, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, dict], Any]:
    """Launch a run from the keys of an input file and wait until it ends: returns its node."""

    def factory(kind: str, keys: dict[str, Any]) -> Any:
        from aiida.orm import load_node

        path = tmp_path_factory.mktemp(kind) / "input.yaml"
        path.write_text(yaml.safe_dump(keys))
        answer = program("launch", kind, str(path))
        number = re.search(r"PK (\d+)", answer)
        assert number is not None, answer
        node = load_node(int(number.group(1)))
        wait_for(node)
        return node

    return factory


def wait_for(node: Any) -> None:
    """Wait until a process has ended, without holding the database."""
    from aiida_anhcsp.cli.daemon import Supervisor
    from aiida_anhcsp.cli.status import release_database

    supervisor = Supervisor()
    end = time.monotonic() + LIMIT_SECONDS
    while not node.is_terminated:
        assert time.monotonic() < end, f"{node} has not ended after {LIMIT_SECONDS} s"
        supervisor.check()
        release_database()
        time.sleep(2)
