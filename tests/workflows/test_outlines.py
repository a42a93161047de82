"""Work chains as AiiDA sees them."""

from __future__ import annotations

from importlib.metadata import entry_points
from inspect import isfunction

import pytest

WORKFLOWS = [entry.name for entry in entry_points(group="aiida.workflows") if entry.name.startswith("anhcsp.")]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_step_hides_a_method_of_the_process(name: str) -> None:
    """A step called ``step`` or ``run`` would be called by AiiDA itself, at another time."""
    from aiida.engine import WorkChain
    from aiida.plugins import WorkflowFactory

    own = [cls for cls in WorkflowFactory(name).__mro__ if cls.__module__.startswith("aiida_anhcsp.")]
    steps = {name for cls in own for name, value in vars(cls).items() if isfunction(value)}
    assert steps
    assert not {step for step in steps if hasattr(WorkChain, step)}
