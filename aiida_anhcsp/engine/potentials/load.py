"""From a specification to a potential that computes."""

from __future__ import annotations

from functools import partial

from ..errors import InputError
from ..frames import read_frames
from .base import Potential
from .batching import BATCH_ATOMS
from .resolve import resolve_file
from .specification import parse_specification


def load_potential(
    specification: str,
    device: str = "cpu",
    threads: int = 1,
    batch_atoms: int | None = None,
    argument: str = "--potential",
    processes: int = 1,
) -> Potential:
    """Load what a specification names (forms in :func:`~.specification.parse_specification`).

    :param device: ``cpu`` or ``cuda``
    :param threads: threads of a process
    :param batch_atoms: most atoms computed in one call, where a potential computes several frames at once; by device
        if None
    :param argument: what to call the specification in an error
    :param processes: processes that share the frames of a call, each with its own copy of the potential
    :raises InputError: the specification is malformed, names nothing that exists, or its file is not a potential; or
        several processes are asked for on a GPU
    """
    if processes > 1 and device != "cpu":
        raise InputError("--processes", f"{processes} processes would share one {device} device", "give 1")
    most = batch_atoms or BATCH_ATOMS[device]
    potential = _load_one(specification, device, threads, most, argument)
    if processes == 1:
        return potential
    from .parallel import ParallelPotential

    load = partial(_load_one, specification, device, threads, most, argument)
    return ParallelPotential(potential, load, processes, most)


def _load_one(specification: str, device: str, threads: int, batch_atoms: int, argument: str) -> Potential:
    parsed = parse_specification(specification, argument)
    if parsed.is_new:
        raise InputError(argument, f"{specification!r} is not trained yet", "train it first and give the file")
    if parsed.kind == "mattersim":
        from .mattersim import load_mattersim

        return load_mattersim(resolve_file(parsed, argument), device, threads, batch_atoms, argument)
    if parsed.kind == "guarded":
        from ..learning.grade import load_grader
        from .guarded import GuardedPotential, calibrated_guard

        inner = str(parsed.options["potential"])
        training = read_frames(parsed.options["training"], argument)
        potential, grader = (
            load_potential(inner, device, threads, batch_atoms, argument),
            load_grader(inner, training, argument),
        )
        if "largest_grade" in parsed.options:
            return GuardedPotential(potential, grader, float(parsed.options["largest_grade"]))
        held_out = read_frames(parsed.options["held_out"], argument)
        return calibrated_guard(potential, grader, held_out, float(parsed.options["largest_error"]), argument)
    if device != "cpu":
        fix = "give --device cpu" + (", and the device in the JSON of the calculator" if parsed.kind == "ase" else "")
        raise InputError("--device", f"{parsed.kind} potentials are not moved to {device}", fix)
    if parsed.kind == "mtp":
        from .mtp import load_mtp

        return load_mtp(resolve_file(parsed, argument), argument)
    from .ase import load_ase

    return load_ase(parsed.target, parsed.options, threads, argument)
