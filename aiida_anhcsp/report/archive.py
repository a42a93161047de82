"""An archive of a run."""

from __future__ import annotations

from pathlib import Path

from aiida.orm import Node, ProcessNode, QueryBuilder
from aiida.tools.archive import create_archive
from aiida_vasp.data.potcar import PotcarData

from ..engine.errors import InputError


def write_archive(node: ProcessNode, path: Path, with_potcars: bool = False, overwrite: bool = False) -> Path:
    """Write a run with everything that called, was called, went in and came out, without checkpoints.

    In the graph a calculation with VASP is linked to the hashes of its POTCAR files (``PotcarData``) and not to the
    files, which therefore stay at home.

    :param with_potcars: add the files themselves
    :raises InputError: the run has not ended, or the file exists and is not to be overwritten.
    """
    if not node.is_terminated:
        raise InputError("PK", f"run {node.pk} has not ended", f"follow it with aiida-anhcsp status {node.pk} --watch")
    if path.exists() and not overwrite:
        raise InputError("FILE.aiida", f"{path} exists", "give another name, or --force")
    entities: list[Node] = [node]
    if with_potcars:
        entities += potcar_files(node)
    create_archive(entities, filename=path, overwrite=overwrite, strip_checkpoints=True)
    return path


def potcar_files(node: ProcessNode) -> list[Node]:
    """The POTCAR files that the calculations of a run used."""
    calculations = [child.pk for child in node.called_descendants]
    query = QueryBuilder().append(Node, filters={"id": {"in": calculations}}, tag="user")
    query.append(PotcarData, with_outgoing="user", project="*")
    return [file for (potcar,) in query.distinct().iterall() if (file := potcar.find_file_node()) is not None]
