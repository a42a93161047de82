"""Work chains without a daemon: processes to step through by hand, and children that only look finished."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

SEARCH = {
    "formula": "CuAu",
    "formula_units": "1-2",
    "pressure": 5.0,
    "population": 4,
    "generations": 3,
    "seed": 3,
    "relax": {"fmax": 0.05, "max_steps": 60},
    "operators": {"random": 0.5, "heredity": 0.25, "strain": 0.25},
}
FINALISTS = {"number": 2, "temperatures": [0.0, 300.0], "stages": ["2x2x2:20"], "seed": 1}
DYING = """#!{python}
# an engine whose job dies after its first checkpoint, as at the end of its wall time
import os
import signal

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.relaxation import relaxer

save, fresh = relaxer.save, not os.path.exists("result.extxyz.checkpoint.npz")


def save_and_die(*arguments):
    save(*arguments)
    if fresh:
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


relaxer.CHECKPOINT_INTERVAL, relaxer.save = 0.0, save_and_die
main()
"""


@pytest.fixture
def standing_in(engine_code: Any, aiida_code_installed: Callable, tmp_path: Path) -> Callable:
    """A code of a program that stands in for the engine; ``{engine}`` and ``{python}`` in it are the real ones."""

    def factory(program: str) -> Any:
        engine = engine_code.filepath_executable
        path = tmp_path / "anhcsp-engine"
        path.write_text(program.format(engine=engine, python=engine.with_name("python")))
        path.chmod(0o755)
        return aiida_code_installed(label=tmp_path.name, filepath_executable=str(path))

    return factory


@pytest.fixture
def generate_workchain() -> Iterator[Callable]:
    """Make a work chain's process, to call its steps by hand.

    What a step submits is taken off the event loop in the end, or the next test that runs a process would run it too.
    """
    from aiida.engine.utils import instantiate_process
    from aiida.manage import get_manager

    runner = get_manager().get_runner()

    def factory(process_class: type, inputs: Mapping[str, Any]) -> Any:
        return instantiate_process(runner, process_class, **inputs)

    before = asyncio.all_tasks(runner.loop)
    yield factory
    submitted = asyncio.all_tasks(runner.loop) - before
    for task in submitted:
        task.cancel()
    runner.loop.run_until_complete(asyncio.gather(*submitted, return_exceptions=True))


@pytest.fixture
def add_child() -> Callable:
    """Give a work chain a finished child, with a call link label, an exit code and outputs."""

    def factory(
        workchain: Any, label: str, outputs: Mapping[str, Any], *, status: int = 0, message: str = "", job: bool = True
    ) -> Any:
        from aiida.common import LinkType
        from aiida.engine import ProcessState
        from aiida.orm import CalcJobNode, WorkChainNode

        node = (CalcJobNode if job else WorkChainNode)()
        node.label = label
        link = LinkType.CALL_CALC if job else LinkType.CALL_WORK
        node.base.links.add_incoming(workchain.node, link_type=link, link_label=label)
        node.set_process_state(ProcessState.FINISHED)
        node.set_exit_status(status)
        if message:
            node.set_exit_message(message)
        node.set_process_label("Mock")
        node.store()
        for name, output in outputs.items():
            if not job:
                output.store()
            output.base.links.add_incoming(node, link_type=LinkType.CREATE if job else LinkType.RETURN, link_label=name)
            output.store()
        return node

    return factory


@pytest.fixture
def search_inputs(engine_code: Any, emt: Any) -> dict[str, Any]:
    """Inputs of a small search of Cu-Au with a cheap potential."""
    from aiida.orm import Dict

    return {"code": engine_code, "potential": emt, "settings": Dict(SEARCH)}


@pytest.fixture
def csp(search_inputs: dict[str, Any], generate_workchain: Callable) -> Callable:
    """The whole path before its first step."""

    def factory(sscha: dict[str, Any] | None = None, **changes: Any) -> Any:
        from aiida.orm import Dict

        from aiida_anhcsp.workflows.csp import CspWorkChain

        finalists = {"settings": Dict({**FINALISTS, **(sscha or {})}), "max_concurrent": 3}
        return generate_workchain(CspWorkChain, {"search": search_inputs, "sscha": finalists, **changes})

    return factory
