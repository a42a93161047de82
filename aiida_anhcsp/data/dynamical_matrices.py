"""The dynamical matrices of a structure as a node."""

from __future__ import annotations

from pathlib import Path

from aiida.orm import FolderData
from ase import Atoms

from ..engine.frames import read_frames

STRUCTURE = "structure.extxyz"


class DynamicalMatricesData(FolderData):
    """Auxiliary dynamical matrices of an SSCHA state, with the centroids they belong to.

    Files ``dyn1`` ... ``dynN`` in Quantum ESPRESSO's format (one per irreducible q point, the format of
    cellconstructor) and ``structure.extxyz``. Attributes: ``supercell`` (three integers), ``temperature`` (K),
    ``n_irreducible`` (N) and ``formula``.
    """

    @classmethod
    def from_directory(
        cls, path: str | Path, *, supercell: tuple[int, int, int], temperature: float
    ) -> DynamicalMatricesData:
        """Unstored node from an SSCHA output folder.

        :param path: holds ``structure.extxyz`` and ``dynamical_matrices/dyn1`` ... ``dynN``
        :param supercell: the supercell these matrices span
        :param temperature: K, of the ensemble they were minimised with
        :raises InputError: there is no structure.
        :raises ValueError: the matrices are not ``dyn1`` ... ``dynN``.
        """
        path = Path(path)
        (structure,) = read_frames(path / STRUCTURE, STRUCTURE)
        matrices = {file.name: file for file in (path / "dynamical_matrices").glob("dyn*")}
        names = [f"dyn{number}" for number in range(1, len(matrices) + 1)]
        if not matrices or set(matrices) != set(names):
            raise ValueError(f"{path}/dynamical_matrices must hold dyn1 ... dynN, found {sorted(matrices) or 'none'}")
        node = cls()
        node.base.repository.put_object_from_file(str(path / STRUCTURE), STRUCTURE)
        for name in names:
            node.base.repository.put_object_from_file(str(matrices[name]), name)
        node.base.attributes.set_many(
            {
                "supercell": [int(number) for number in supercell],
                "temperature": float(temperature),
                "n_irreducible": len(names),
                "formula": structure.get_chemical_formula(),
            }
        )
        return node

    @property
    def names(self) -> list[str]:
        """``dyn1`` ... ``dynN``, in order."""
        return [f"dyn{number}" for number in range(1, int(self.base.attributes.get("n_irreducible")) + 1)]

    @property
    def supercell(self) -> tuple[int, int, int]:
        """Multiples of the primitive cell that the matrices span."""
        first, second, third = self.base.attributes.get("supercell")
        return int(first), int(second), int(third)

    def get_structure(self) -> Atoms:
        """Cell and centroids (angstrom) the matrices belong to."""
        with self.as_path() as path:
            (structure,) = read_frames(path / STRUCTURE, STRUCTURE)
        return structure

    def write_to(self, path: str | Path) -> None:
        """Write the files as an SSCHA output folder, so that ``--start`` can continue from it."""
        folder = Path(path) / "dynamical_matrices"
        folder.mkdir(parents=True, exist_ok=True)
        (Path(path) / STRUCTURE).write_bytes(self.get_object_content(STRUCTURE, mode="rb"))
        for name in self.names:
            (folder / name).write_bytes(self.get_object_content(name, mode="rb"))
