"""The dynamical matrices of a structure as a node."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING

from aiida.orm import FolderData
from ase import Atoms

from ..engine.frames import bare, read_frames
from ..engine.sscha.settings import MATRICES_FOLDER, STRUCTURE_FILE
from ..engine.sscha.state import read_state

if TYPE_CHECKING:
    from pandas import DataFrame
    from pymatgen.core import Structure


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
        :raises InputError: there is no structure, or the matrices are not the ``dyn1`` ... ``dynN`` it belongs to.
        """
        structure, matrices = read_state(Path(path), MATRICES_FOLDER)
        node = cls()
        node.base.repository.put_object_from_file(str(Path(path) / STRUCTURE_FILE), STRUCTURE_FILE)
        for file in matrices:
            node.base.repository.put_object_from_file(str(file), file.name)
        node.base.attributes.set_many(
            {
                "supercell": [int(number) for number in supercell],
                "temperature": float(temperature),
                "n_irreducible": len(matrices),
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
            (structure,) = read_frames(path / STRUCTURE_FILE, STRUCTURE_FILE)
        return structure

    def to_pymatgen(self) -> Structure:
        """Cell and centroids as pymatgen's structure."""
        from pymatgen.io.ase import AseAtomsAdaptor

        structure: Structure = AseAtomsAdaptor.get_structure(bare(self.get_structure()))
        return structure

    def to_dataframe(self) -> DataFrame:
        """A row for each atom: ``symbol``, ``x``, ``y``, ``z`` of its centroid (angstrom)."""
        import pandas

        structure = self.get_structure()
        table = pandas.DataFrame(structure.positions, columns=["x", "y", "z"])
        table.insert(0, "symbol", structure.get_chemical_symbols())
        return table

    def _repr_html_(self) -> str:
        """What a notebook shows: what the matrices are of, and the centroids."""
        attributes = self.base.attributes
        supercell = "x".join(map(str, self.supercell))
        head = f"DynamicalMatricesData {self.uuid}: {attributes.get('formula')}, {attributes.get('temperature'):g} K, "
        head += f"supercell {supercell}, {attributes.get('n_irreducible')} irreducible q points"
        return f"<p>{html.escape(head)}</p>{self.to_dataframe().to_html(index=False)}"

    def write_to(self, path: str | Path) -> None:
        """Write the files as an SSCHA output folder, so that ``--start`` can continue from it."""
        folder = Path(path) / MATRICES_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        (Path(path) / STRUCTURE_FILE).write_bytes(self.get_object_content(STRUCTURE_FILE, mode="rb"))
        for name in self.names:
            (folder / name).write_bytes(self.get_object_content(name, mode="rb"))
