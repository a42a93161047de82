"""From a specification to a potential that computes."""

from __future__ import annotations

from ..errors import InputError
from ..frames import read_frames
from .base import Potential
from .resolve import resolve_file
from .specification import parse_specification


def load_potential(
    specification: str,
    device: str = "cpu",
    threads: int = 1,
    batch_atoms: int = 64,
    argument: str = "--potential",
) -> Potential:
    """Load what a specification names (forms in :func:`~.specification.parse_specification`).

    :param device: ``cpu`` or ``cuda``
    :param threads: threads of this process
    :param batch_atoms: most atoms computed in one call, where a potential computes several frames at once
    :param argument: what to call the specification in an error
    :raises InputError: the specification is malformed, names nothing that exists, or its file is not a potential
    """
    parsed = parse_specification(specification, argument)
    if parsed.is_new:
        raise InputError(argument, f"{specification!r} is not trained yet", "train it first and give the file")
    if parsed.kind == "mattersim":
        from .mattersim import load_mattersim

        return load_mattersim(resolve_file(parsed, argument), device, threads, batch_atoms, argument)
    if parsed.kind == "guarded":
        from ..learning.grade import load_grader
        from .guarded import GuardedPotential

        inner = str(parsed.options["potential"])
        training = read_frames(parsed.options["training"], argument)
        return GuardedPotential(
            load_potential(inner, device, threads, batch_atoms, argument),
            load_grader(inner, training, argument),
            float(parsed.options["largest_grade"]),
        )
    if device != "cpu":
        fix = "give --device cpu" + (", and the device in the JSON of the calculator" if parsed.kind == "ase" else "")
        raise InputError("--device", f"{parsed.kind} potentials are not moved to {device}", fix)
    if parsed.kind == "mtp":
        from .mtp import load_mtp

        return load_mtp(resolve_file(parsed, argument), argument)
    from .ase import load_ase

    return load_ase(parsed.target, parsed.options, threads, argument)
