"""The lowest structures of a run as files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from aiida.orm import ProcessNode
from ase import Atoms
from ase.io import write
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.cif import CifWriter

from ..engine.frames import bare, write_frames
from ..engine.search.identical import TOLERANCE
from ..engine.search.rank import lowest
from .changes import run_of
from .provenance import final_structures, table_of

NAME = re.compile(r"\d{2,}_.+_relaxed|sscha_.+GPa_.+K")
"""Of a file, as :func:`lowest_structures` gives it."""


def lowest_structures(node: ProcessNode, number: int = 10) -> dict[str, Atoms]:
    """The lowest distinct structures of a run by file name, and the final centroids of its ranked SSCHA runs.

    :param number: how many distinct structures at most, by enthalpy
    """
    found = {}
    if "population" in node.outputs:
        for frame in lowest(node.outputs.population.get_frames(), number):
            found[f"{frame.info['rank']:02d}_{frame.info['id']}_relaxed"] = frame
    table = table_of(node)
    if table is not None:
        finals = final_structures(node)
        for row in table["rows"]:
            if run_of(row) in finals:
                place = f"{row['rank']:02d}" if "rank" in row else "unranked"
                name = f"sscha_{place}_{row['id']}_{row['pressure']:g}GPa_{row['temperature']:g}K"
                found[name] = finals[run_of(row)]
    return found


def write_structures(node: ProcessNode, folder: Path, number: int = 10, form: str = "cif") -> list[Path]:
    """Write the lowest structures of a run into ``folder``; those that an earlier export left there go.

    :param number: how many distinct structures at most, by enthalpy
    :param form: one of :data:`WRITERS`; CIF files are symmetrised
    """
    folder.mkdir(parents=True, exist_ok=True)
    suffix, writer = WRITERS[form]
    for path in folder.glob(f"*{suffix}"):
        if NAME.fullmatch(path.stem):
            path.unlink()
    return [writer(atoms, folder / f"{name}{suffix}") for name, atoms in lowest_structures(node, number).items()]


def write_cif(atoms: Atoms, path: Path) -> Path:
    """Write one structure as a symmetrised CIF file."""
    CifWriter(AseAtomsAdaptor.get_structure(bare(atoms)), symprec=TOLERANCE).write_file(path)
    return path


def write_poscar(atoms: Atoms, path: Path) -> Path:
    """Write one structure as VASP's POSCAR, atoms sorted by element."""
    write(path, bare(atoms), format="vasp", direct=True, sort=True)
    return path


def write_extxyz(atoms: Atoms, path: Path) -> Path:
    """Write one structure as extended XYZ, with what is known of it."""
    write_frames(path, [atoms])
    return path


WRITERS: dict[str, tuple[str, Callable[[Atoms, Path], Path]]] = {
    "cif": (".cif", write_cif),
    "poscar": (".vasp", write_poscar),
    "extxyz": (".extxyz", write_extxyz),
}
