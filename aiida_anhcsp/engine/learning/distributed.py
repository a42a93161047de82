"""Several processes that train one model: each computes its share of every batch, their gradients are added up.

The loss of a batch is a sum over its structures with weights of the whole batch, so N processes take the same steps as
one process with the same batch. torch.distributed carries the sums, by gloo between CPUs and by NCCL between GPUs.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.multiprocessing
from torch import nn

Part = TypeVar("Part")

PATIENCE = timedelta(minutes=30)


class Group:
    """One of the processes that share a training; alone unless :func:`helped_by` says otherwise."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    def share(self, parts: Sequence[Part]) -> Sequence[Part]:
        """What this process computes of a batch."""
        return parts[self.rank :: self.size]

    def add_up(self, value: float, parameters: Sequence[nn.Parameter] = ()) -> float:
        """Sum of ``value`` over the processes; the gradients of ``parameters`` become their sums too."""
        if self.size == 1:
            return value
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        device = parameters[0].device if parameters else self._device()
        flat = torch.cat([torch.tensor([value], dtype=torch.float32, device=device), *(g.flatten() for g in gradients)])
        torch.distributed.all_reduce(flat)
        for parameter, total in zip(parameters, flat[1:].split([g.numel() for g in gradients]), strict=True):
            parameter.grad = total.view_as(parameter)
        return float(flat[0].item())

    @staticmethod
    def _device() -> str:
        if torch.distributed.get_backend() == "nccl":
            return f"cuda:{torch.cuda.current_device()}"
        return "cpu"


def device_of(rank: int, device: str) -> str:
    """A GPU of its own for each process."""
    return f"cuda:{rank % torch.cuda.device_count()}" if device == "cuda" else device


@contextmanager
def helped_by(work: Callable[..., Any], processes: int, device: str, *arguments: Any) -> Iterator[Group]:
    """Start helpers that call ``work(group, *arguments)``, and be the first of the group meanwhile."""
    if processes == 1:
        yield Group()
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{Path(folder) / 'meeting'}"
        helpers = torch.multiprocessing.spawn(
            _help, (work, processes, device, meeting, arguments), nprocs=processes - 1, join=False
        )
        try:
            _join(0, processes, device, meeting)
            yield Group(0, processes)
            while not helpers.join():
                pass
        finally:
            for helper in helpers.processes:
                helper.terminate()
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()


def _help(
    number: int, work: Callable[..., Any], size: int, device: str, meeting: str, arguments: tuple[Any, ...]
) -> None:
    _join(number + 1, size, device, meeting)
    work(Group(number + 1, size), *arguments)
    torch.distributed.destroy_process_group()


def _join(rank: int, size: int, device: str, meeting: str) -> None:
    if device == "cuda":
        torch.cuda.set_device(rank % torch.cuda.device_count())
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    backend = "nccl" if device == "cuda" else "gloo"
    torch.distributed.init_process_group(backend, init_method=meeting, rank=rank, world_size=size, timeout=PATIENCE)
