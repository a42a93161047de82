"""``aiida-anhcsp launch``: check an input file and submit what it describes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from aiida.cmdline.utils.decorators import with_dbenv

from ..engine.errors import InputError

if TYPE_CHECKING:
    from aiida.orm import ProcessNode

    from .inputs.build import Run

DIGEST = "anhcsp_input"
BAD_INPUT = 2
"""Exit status of a launch that is refused, and of its plan."""
DESCRIPTIONS = {
    "csp": "Search with learning, then SSCHA of the lowest structures.",
    "search": "Search, with or without learning.",
    "label": "Label structures with DFT.",
    "finetune": "Train a potential on a labelled dataset.",
    "sscha": "Relax one structure on its quantum anharmonic free energy.",
    "active": "Learn a potential for a structure while sampling it, then SSCHA; for several, with a library.",
    "correct": "Correct the free energy of an SSCHA run to DFT.",
    "hessian": "Free-energy Hessian, dispersions and dynamical stability of an SSCHA run.",
    "sscha_on_labels": "Go on with an SSCHA run on DFT itself.",
    "phase_diagram": "Free energies of some structures on a grid of pressures and temperatures.",
}


@click.group("launch")
def command() -> None:
    """Check an input file and submit what it describes.

    Everything is checked before anything is submitted: keys and values, codes, potentials, structures.
    """


def launch(kind: str, path: Path, dry_run: bool, resume: bool, potential: str | None = None) -> None:
    """Plan, resume or submit a run of this kind."""
    from .health.tasks import active_processes
    from .inputs.build import prepare
    from .inputs.problems import InvalidInputError
    from .plan import plan_of
    from .slots import available_slots, require_slots

    run = prepare(kind, path, potential, download=not dry_run)
    if dry_run:
        click.echo(plan_of(run))
        for missing in (*run.missing, *run.downloads):
            click.echo(f"missing: {missing}", err=True)
        click.echo("nothing was submitted" + ("; launch would stop at what is missing" if run.missing else ""))
        click.get_current_context().exit(BAD_INPUT if run.missing else 0)
    if run.missing:
        raise InvalidInputError(run.missing)
    fingerprint = digest(run)
    if resume:
        node = unfinished(run, fingerprint)
        if node is not None:
            click.echo(f"resuming PK {node.pk}, submitted {node.ctime:%Y-%m-%d %H:%M:%S}")
            return
    require_slots(run.described, len(active_processes()), available_slots())
    node = submit(run, path, fingerprint)
    click.echo(f"submitted PK {node.pk}; follow it with aiida-anhcsp status {node.pk} --watch")


def digest(run: Run) -> str:
    """SHA-256 of the entry point, of all keys of the input, defaults included, and of what the keys name."""
    document = [run.entry_point, run.described.model_dump(mode="json"), _contents(run.inputs)]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _contents(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Hashes of the nodes among the inputs, whose names may stand for other files tomorrow."""
    from aiida.common.hashing import make_hash
    from aiida.orm import Node

    return {
        key: _contents(value) if isinstance(value, Mapping) else make_hash(value.base.caching.get_objects_to_hash())
        for key, value in inputs.items()
        if isinstance(value, Mapping | Node)
    }


def unfinished(run: Run, fingerprint: str) -> ProcessNode | None:
    """The newest run of the same input that has not ended."""
    from aiida.orm import QueryBuilder, WorkChainNode

    query = QueryBuilder().append(
        WorkChainNode, filters={"extras": {"has_key": DIGEST}, f"extras.{DIGEST}": fingerprint}
    )
    nodes: list[Any] = query.order_by({WorkChainNode: {"id": "desc"}}).all(flat=True)
    return next((node for node in nodes if not node.is_terminated), None)


def submit(run: Run, path: Path, fingerprint: str) -> ProcessNode:
    """Submit the run, labelled with the name of its input file."""
    from aiida.common.exceptions import InvalidOperation
    from aiida.engine import submit as submit_process

    inputs = {**run.inputs, "metadata": {"label": path.resolve().parent.name}}
    try:
        node = submit_process(run.process, inputs)
    except InvalidOperation as error:
        raise InputError("daemon", str(error).split(".")[0], "run verdi daemon start") from error
    node.base.extras.set(DIGEST, fingerprint)
    return node


def _add(kind: str) -> None:
    @click.argument("path", metavar="INPUT.yaml", type=click.Path(path_type=Path))
    @click.option("--dry-run", is_flag=True, help="Print the plan and submit nothing.")
    @click.option("--resume", is_flag=True, help="If a run of the same input has not ended, go on with that one.")
    @with_dbenv()
    def run_command(path: Path, dry_run: bool, resume: bool, potential: str | None = None) -> None:
        launch(kind, path, dry_run, resume, potential)

    if kind not in ("label", "active", "correct", "hessian", "sscha_on_labels"):
        run_command = click.option("--potential", help="Instead of the potential of INPUT.yaml.")(run_command)
    command.command(kind, help=DESCRIPTIONS[kind])(run_command)


for _kind in DESCRIPTIONS:
    _add(_kind)
