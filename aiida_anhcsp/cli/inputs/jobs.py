"""Resources of jobs that the scheduler of their computer would refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aiida.orm import AbstractCode, Dict


def unsuited_resources(
    inputs: Mapping[str, Any], code: AbstractCode | None = None, port: str = "inputs"
) -> Iterator[tuple[str, str]]:
    """Port and complaint for each ``options`` among the inputs whose ``resources`` do not suit its computer.

    :param code: that of jobs in a namespace without one of its own
    """
    code = inputs.get("code", code)
    for name, value in inputs.items():
        if name == "options" and isinstance(value, Dict) and code is not None:
            complaint = complaint_about(value.get_dict().get("resources"), code)
            if complaint is not None:
                yield f"{port}.options", complaint
        elif isinstance(value, Mapping):
            yield from unsuited_resources(value, code, f"{port}.{name}")


def complaint_about(resources: Any, code: AbstractCode) -> str | None:
    """What the scheduler of a code's computer has against resources, in a sentence; None if nothing."""
    if not isinstance(resources, Mapping) or code.computer is None:
        return None
    scheduler, asked = code.computer.get_scheduler(), dict(resources)
    try:
        scheduler.preprocess_resources(asked, code.computer.get_default_mpiprocs_per_machine())
        scheduler.validate_resources(**asked)
    except (TypeError, ValueError) as error:
        known = ", ".join(scheduler.job_resource_class.get_valid_keys())
        return f"options.resources: {str(error).rstrip('.')}; the keys on {code.computer.label} are {known}"
    return None
