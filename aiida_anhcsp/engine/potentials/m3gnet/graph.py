"""Periodic frames as one graph of bonds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from torch import Tensor
from vesin import NeighborList

from ..screening import reduced_cell


@dataclass(frozen=True)
class Batch:
    """Frames as one graph: every atom's bonds to its neighbours within the cutoff, each bond once per direction.

    ``numbers`` (n_atoms,) atomic numbers; ``structure`` (n_atoms,) which frame an atom belongs to; ``volumes``
    (n_frames,) angstrom^3; ``first`` and ``second`` (n_bonds,) centre and neighbour, sorted by the centre;
    ``vectors`` (n_bonds, 3) from centre to neighbour in angstrom; ``short`` (n_short,) the bonds within the
    three-body cutoff.
    """

    numbers: Tensor
    structure: Tensor
    volumes: Tensor
    first: Tensor
    second: Tensor
    vectors: Tensor
    short: Tensor

    @property
    def n_atoms(self) -> int:
        """Atoms of all frames."""
        return len(self.numbers)

    @property
    def n_frames(self) -> int:
        """Frames in the batch."""
        return len(self.volumes)

    @property
    def sizes(self) -> Tensor:
        """Atoms per frame, shape (n_frames,)."""
        return torch.bincount(self.structure, minlength=self.n_frames)


def batch_frames(
    frames: Sequence[Atoms],
    cutoff: float,
    threebody_cutoff: float,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Batch:
    """The graph of frames that are periodic in three directions, of any handedness; neighbours by vesin in O(N).

    Bond vectors are computed in double precision and rounded once.

    :param cutoff: range of bonds, angstrom
    :param threebody_cutoff: range of the bonds that see angles, angstrom
    """
    neighbours = NeighborList(cutoff=cutoff, full_list=True, sorted=True, n_threads=1)
    first, second, vectors, lengths = [], [], [], []
    offset = 0
    for frame in frames:
        pairs, vector, length = neighbours.compute(
            points=frame.positions, box=reduced_cell(frame.cell.array), periodic=True, quantities="PDd"
        )
        first.append(pairs[:, 0].astype(np.int64) + offset)
        second.append(pairs[:, 1].astype(np.int64) + offset)
        vectors.append(vector)
        lengths.append(length)
        offset += len(frame)
    sizes = np.array([len(frame) for frame in frames])
    volumes = np.array([abs(np.linalg.det(frame.cell.array)) for frame in frames])
    return Batch(
        numbers=torch.from_numpy(np.concatenate([frame.numbers for frame in frames]).astype(np.int64)).to(device),
        structure=torch.from_numpy(np.repeat(np.arange(len(frames)), sizes)).to(device),
        volumes=torch.from_numpy(volumes).to(device, dtype),
        first=torch.from_numpy(np.concatenate(first)).to(device),
        second=torch.from_numpy(np.concatenate(second)).to(device),
        vectors=torch.from_numpy(np.concatenate(vectors)).to(device, dtype),
        short=torch.from_numpy(np.flatnonzero(np.concatenate(lengths) <= threebody_cutoff)).to(device),
    )
