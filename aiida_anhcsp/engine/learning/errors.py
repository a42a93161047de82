"""How a training ends that comes to nothing; ``anhcsp-engine train`` has an exit status for each."""

from __future__ import annotations

import torch

CPU_ALLOCATOR = "can't allocate memory"


class TrainingDivergedError(RuntimeError):
    """The loss became infinite at every learning rate tried."""


class TrainingMemoryError(RuntimeError):
    """Not even one structure at a time fits into the memory."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether an allocation failed; torch has a class of its own for that on a GPU only."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or CPU_ALLOCATOR in str(error)
