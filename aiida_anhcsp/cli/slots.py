"""Slots of the daemon's workers: a work chain holds one while it waits for its children."""

from __future__ import annotations

from aiida.plugins import WorkflowFactory
from pydantic import BaseModel

from ..engine.errors import InputError
from .inputs.models import (
    ActiveInput,
    CorrectInput,
    CspInput,
    LabelInput,
    LabelRunInput,
    PhaseDiagramInput,
    SearchInput,
    SearchKeys,
    SschaOnLabelsInput,
)

LEAF = 1
"""The job that all others wait for needs a slot as well."""
RELAXING = 1
"""The work chain of a relaxation waits for its jobs."""
VASP = "anhcsp.label.vasp"
"""It runs every structure in a work chain of aiida-vasp."""


def waiting_parents(described: BaseModel) -> int:
    """Most work chains of a run that wait at one time, each for a child: jobs wait for nobody."""
    match described:
        case CspInput():
            finalist = 1 if described.correction is None else 1 + _labelling(described.correction.label)
            return 1 + max(_searches(described), described.sscha.max_concurrent * finalist)
        case SearchInput():
            return _searching(described)
        case PhaseDiagramInput():
            return 1 + described.phase_diagram.max_concurrent
        case CorrectInput():
            return 1 + _labelling(described.correction.label)
        case ActiveInput(structures=None) | SschaOnLabelsInput():
            return 1 + _labelling(described.label)
        case ActiveInput():
            below = [_labelling(described.label)]
            if described.correction is not None:
                below.append(_labelling(described.correction.label))
            default = WorkflowFactory("anhcsp.active_library").spec().inputs["max_concurrent"].default
            return 1 + (described.max_concurrent or int(default)) * (1 + max(below))
        case LabelRunInput():
            return _labelling(described.label)
    return 1


def available_slots() -> int | None:
    """Slots of all workers of the daemon that runs; None where none runs."""
    from aiida.common.exceptions import ConfigurationError
    from aiida.engine.daemon.client import DaemonException, get_daemon_client
    from aiida.manage.configuration import get_config_option

    try:
        client = get_daemon_client()
        workers = client.get_number_of_workers() if client.is_daemon_running else 0
    except (DaemonException, ConfigurationError):
        return None
    return workers * int(get_config_option("daemon.worker_process_slots")) or None


def require_slots(described: BaseModel, taken: int, slots: int | None) -> None:
    """Refuse a run whose waiting work chains could leave no slot for the job they wait for.

    :param taken: slots that other processes hold
    :param slots: all slots, None where that is unknown
    :raises InputError: there are too few.
    """
    needed = waiting_parents(described) + LEAF + taken
    if slots is not None and needed > slots:
        raise InputError(
            "daemon",
            f"this run could wait for itself for ever: it needs {needed} slots, those in use included, of {slots}",
            f"run verdi config set daemon.worker_process_slots {needed} and verdi daemon restart",
        )


def _searches(described: CspInput) -> int:
    """The searches of all pressures; those of production only relax."""
    learning = len(described.pressures or [described.search.pressure]) * _searching(described)
    return max(learning, (1 + RELAXING) * len(described.production.pressures) if described.production else 0)


def _searching(described: SearchKeys) -> int:
    """A search and what it waits for: a relaxation, labels, trainings, or the SSCHA runs of a generation."""
    below = [RELAXING]
    if described.learning is not None:
        below += [_labelling(described.learning.label), described.learning.trainings]
    if isinstance(described, SearchInput) and described.sscha is not None:
        below.append(described.sscha.max_concurrent)
    return 1 + max(below)


def _labelling(label: LabelInput) -> int:
    """A label work chain, and those of VASP it waits for."""
    if label.entry_point != VASP:
        return 1
    default = WorkflowFactory(VASP).spec().inputs["max_concurrent"].default
    return 1 + int(label.inputs.get("max_concurrent", default))
