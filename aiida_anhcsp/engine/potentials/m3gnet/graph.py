"""Periodic frames as one graph of bonds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray
from torch import Tensor

from ...neighbours import NeighborList
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


@dataclass(frozen=True)
class Bonds:
    """Bonds of one frame, each once per direction and sorted by its centre.

    ``first`` and ``second`` (n_bonds,) atoms; ``vectors`` (n_bonds, 3) and ``lengths`` (n_bonds,) in angstrom.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    vectors: NDArray[np.float64]
    lengths: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)


def bonds_of(frame: Atoms, cutoff: float) -> Bonds:
    """Bonds of a frame that is periodic in three directions, of any handedness; neighbours by vesin in O(N).

    :param cutoff: range of bonds, angstrom
    """
    pairs, vectors, lengths = NeighborList(cutoff=cutoff, full_list=True, sorted=True, n_threads=1).compute(
        points=frame.positions, box=reduced_cell(frame.cell.array), periodic=True, quantities="PDd"
    )
    return Bonds(pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64), vectors, lengths)


def batch_frames(
    frames: Sequence[Atoms],
    cutoff: float,
    threebody_cutoff: float,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Batch:
    """The graph of frames, from their :func:`bonds_of`.

    :param cutoff: range of bonds, angstrom
    :param threebody_cutoff: range of the bonds that see angles, angstrom
    """
    return join_bonds(frames, [bonds_of(frame, cutoff) for frame in frames], threebody_cutoff, device, dtype)


def join_bonds(
    frames: Sequence[Atoms],
    bonds: Sequence[Bonds],
    threebody_cutoff: float,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Batch:
    """The graph of frames and their bonds. Bond vectors come in double precision and are rounded once."""
    sizes = np.array([len(frame) for frame in frames])
    offsets = np.repeat(np.cumsum(sizes) - sizes, [len(own) for own in bonds])
    volumes = np.array([abs(np.linalg.det(frame.cell.array)) for frame in frames])
    lengths = np.concatenate([own.lengths for own in bonds])
    return Batch(
        numbers=torch.from_numpy(np.concatenate([frame.numbers for frame in frames]).astype(np.int64)).to(device),
        structure=torch.from_numpy(np.repeat(np.arange(len(frames)), sizes)).to(device),
        volumes=torch.from_numpy(volumes).to(device, dtype),
        first=torch.from_numpy(np.concatenate([own.first for own in bonds]) + offsets).to(device),
        second=torch.from_numpy(np.concatenate([own.second for own in bonds]) + offsets).to(device),
        vectors=torch.from_numpy(np.concatenate([own.vectors for own in bonds])).to(device, dtype),
        short=torch.from_numpy(np.flatnonzero(lengths <= threebody_cutoff)).to(device),
    )
