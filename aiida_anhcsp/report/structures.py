"""CIF files of the lowest structures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida.orm import ProcessNode
from ase import Atoms
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.cif import CifWriter

from ..engine.frames import bare
from ..engine.search.rank import lowest

TOLERANCE = 0.05
"""Symmetry tolerance of the files in angstrom: centroids of SSCHA carry its noise."""


def write_structures(node: ProcessNode, folder: Path, number: int = 10) -> list[Path]:
    """Write the lowest structures of a run, symmetrised; of ranked SSCHA runs also the final centroids.

    :param number: how many distinct structures at most, by enthalpy
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    if "population" in node.outputs:
        for frame in lowest(node.outputs.population.get_frames(), number):
            path = folder / f"{frame.info['rank']:02d}_{frame.info['id']}_relaxed.cif"
            written.append(write_cif(frame, path))
    for row, structure in final_structures(node):
        place = f"{row['rank']:02d}" if "rank" in row else "unranked"
        point = f"{row['pressure']:g}GPa_{row['temperature']:g}K"
        written.append(write_cif(structure, folder / f"sscha_{place}_{row['id']}_{point}.cif"))
    return written


def final_structures(node: ProcessNode) -> list[tuple[dict[str, Any], Atoms]]:
    """Rows of the ranking that have an SSCHA structure, with its centroids."""
    if "ranking" not in node.outputs:
        return []
    inputs = node.outputs.ranking.creator.inputs
    found = []
    for name, run in inputs.runs.get_dict().items():
        if f"structure_{name}" in inputs:
            rows = node.outputs.ranking["rows"]
            row = next(row for row in rows if all(row[key] == run[key] for key in ("id", "pressure", "temperature")))
            found.append((row, inputs[f"structure_{name}"].get_ase()))
    return found


def write_cif(atoms: Atoms, path: Path) -> Path:
    """Write one structure as a symmetrised CIF file."""
    CifWriter(AseAtomsAdaptor.get_structure(bare(atoms)), symprec=TOLERANCE).write_file(path)
    return path
