"""How frames are put together for one call of a potential."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ase import Atoms


def batches(frames: Sequence[Atoms], batch_atoms: int) -> Iterator[list[Atoms]]:
    """Consecutive frames, at most ``batch_atoms`` atoms together; a larger frame comes alone."""
    batch: list[Atoms] = []
    atoms = 0
    for frame in frames:
        if batch and atoms + len(frame) > batch_atoms:
            yield batch
            batch, atoms = [], 0
        batch.append(frame)
        atoms += len(frame)
    if batch:
        yield batch
