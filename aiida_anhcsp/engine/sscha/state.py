"""A state on disk, ``structure.extxyz`` and ``dynamical_matrices/dyn1...``: replaced, copied and checked as a whole."""

from __future__ import annotations

import shutil
from pathlib import Path

from ase import Atoms

from ..errors import InputError
from ..frames import read_frames
from .settings import MATRICES_FOLDER, STRUCTURE_FILE

NEW_FOLDER = "state.new"
NUMBER = "n_irreducible"
"""Key of the structure's info that tells how many matrices belong to it."""


def prepare(folder: Path) -> Path:
    """Empty folder in which a new state of ``folder`` is written, for :func:`install`."""
    new = folder / NEW_FOLDER
    shutil.rmtree(new, ignore_errors=True)
    (new / MATRICES_FOLDER).mkdir(parents=True)
    return new


def install(folder: Path) -> None:
    """Replace the state of a folder by the new one: a kill leaves the old one, no matrices, or the new one."""
    new = folder / NEW_FOLDER
    if (folder / MATRICES_FOLDER).exists():
        (folder / MATRICES_FOLDER).rename(new / "old")
    (new / STRUCTURE_FILE).replace(folder / STRUCTURE_FILE)
    (new / MATRICES_FOLDER).rename(folder / MATRICES_FOLDER)
    shutil.rmtree(new)


def copy_state(source: Path, folder: Path) -> None:
    """Give a folder the state of another."""
    new = prepare(folder)
    shutil.copy(source / STRUCTURE_FILE, new)
    shutil.copytree(source / MATRICES_FOLDER, new / MATRICES_FOLDER, dirs_exist_ok=True)
    install(folder)


def drop_state(folder: Path) -> None:
    """Leave no state in a folder."""
    shutil.rmtree(folder / MATRICES_FOLDER, ignore_errors=True)
    (folder / STRUCTURE_FILE).unlink(missing_ok=True)


def read_state(folder: Path, argument: str) -> tuple[Atoms, list[Path]]:
    """Structure of a state and its matrices' files, in order.

    :raises InputError: files are missing, or there are more or fewer matrices than the structure says
    """
    found = {file.name: file for file in (folder / MATRICES_FOLDER).glob("dyn*")}
    if not found:
        raise InputError(
            argument, f"no {MATRICES_FOLDER}/dyn* in {folder}", "give the OUTDIR of an earlier sscha command"
        )
    atoms = read_frames(folder / STRUCTURE_FILE, argument)[0]
    names = [f"dyn{number}" for number in range(1, atoms.info.get(NUMBER, len(found)) + 1)]
    if set(names) != set(found):
        raise InputError(
            argument,
            f"{folder}/{MATRICES_FOLDER} must hold dyn1 ... {names[-1]}, found {', '.join(sorted(found))}",
            "give an unbroken OUTDIR",
        )
    return atoms, [found[name] for name in names]
