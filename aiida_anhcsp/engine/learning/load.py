"""From a potential specification to a learner."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from ase import Atoms

from ..errors import InputError
from ..potentials.mattersim import read_checkpoint
from ..potentials.resolve import resolve_file
from .distributed import Group
from .learner import Learner
from .m3gnet import new_model
from .mattersim import MatterSimLearner
from .mtp import load_mtp_to_train, new_mtp
from .trainable import parse_to_train


def load_learner(
    specification: str,
    frames: Sequence[Atoms],
    *,
    seed: int,
    device: str = "cpu",
    threads: int = 1,
    group: Group | None = None,
    argument: str = "--potential",
) -> Learner:
    """What ``specification`` names, ready to be trained on ``frames``.

    :param seed: of the weights of a new model
    :param group: the processes that share the training of a graph network
    :raises InputError: the specification is malformed, or its kind cannot be trained
    """
    torch.set_num_threads(threads)
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device", "there is no GPU that torch can use", "give --device cpu")
    parsed = parse_to_train(specification, argument)
    if parsed.kind == "mattersim":
        if parsed.is_new:
            return MatterSimLearner(
                new_model(parsed.options, seed, argument), [], is_new=True, device=device, group=group
            )
        model, elements = read_checkpoint(resolve_file(parsed, argument), argument=argument)
        return MatterSimLearner(model.requires_grad_(True), elements or [], is_new=False, device=device, group=group)
    if group is not None and group.size > 1:
        raise InputError("--processes", "an MTP is trained by one process", "leave it out")
    if parsed.is_new:
        return new_mtp(parsed.options, frames, argument)
    return load_mtp_to_train(resolve_file(parsed, argument), argument)
