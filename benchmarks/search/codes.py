"""The codes that are compared: each makes the structures of one search and has them relaxed by the same relaxer."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyxtal as pyxtal_package
from ase import Atoms
from ase.io import read
from pyxtal.tolerance import Tol_matrix
from systems import RELAX, RELAXATIONS, SYSTEMS

from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.search.composition import Composition
from aiida_anhcsp.engine.search.loop import search
from aiida_anhcsp.engine.search.operators import OPERATORS
from aiida_anhcsp.engine.search.settings import DEFAULT_WEIGHTS, SearchSettings
from aiida_anhcsp.engine.search.volumes import volume_per_atom

HERE = Path(__file__).parent.resolve()

Code = Callable[[str, int, Path], list[Atoms]]


def ours(name: str, seed: int, folder: Path, **keys: Any) -> list[Atoms]:
    """The search of this package with its default settings, but for ``keys``."""
    system = SYSTEMS[name]
    return search(system.settings(seed, **keys), load_potential(system.potential), folder)


def ablations_of(name: str) -> list[str]:
    """Names of the searches of a system without an operator that it has, without niching, without adaptive rates."""
    compositions = SYSTEMS[name].settings(0).compositions()
    useless = {f"ours, no {key}" for key, operator in OPERATORS.items() if operator.needs(compositions)}
    return [code for code in ablations() if code not in useless]


def ablations() -> dict[str, Code]:
    """The search of this package with one thing left out (an operator, niching, adaptive rates) or added."""
    weights = {name: weight for name, weight in DEFAULT_WEIGHTS.model_dump().items() if weight}
    without = {
        f"ours, no {operator}": {"operators": {name: weight for name, weight in weights.items() if name != operator}}
        for operator in weights
        if operator not in ("transmute", "add", "remove")
    }
    keys: dict[str, dict[str, Any]] = {
        **without,
        "ours, no niching": {"niching": 0},
        "ours, fixed rates": {"adaptation": 0},
        "ours, 8 candidates": {"candidates": 8},
        "ours, subcells": {"subcells": 0.5},
        "ours, symmetric parents": {"symmetric_parents": 0.1},
        "ours, soft modes of the potential": {"soft_modes": "potential"},
    }
    return {name: partial(ours, **changes) for name, changes in keys.items()}


def pyxtal(name: str, seed: int, folder: Path) -> list[Atoms]:
    """Random structures of PyXtal, all space groups with equal chance; those it cannot make are drawn anew."""
    system = SYSTEMS[name]
    rng = np.random.default_rng(seed)
    settings = system.settings(seed)
    frames = [pyxtal_structure(settings, system.composition, rng) for _ in range(RELAXATIONS)]
    return relax(frames, load_potential(system.potential), system.pressure, RelaxSettings(**RELAX))


def cryspy(name: str, seed: int, folder: Path) -> list[Atoms]:
    """CrySPY's evolutionary algorithm by its high-throughput driver, unattended, from cryspy/NAME.in."""
    (folder / "calc_in").mkdir(parents=True)
    shutil.copy(HERE / "cryspy" / "ase_in.py", folder / "calc_in")
    (folder / "cryspy.in").write_text((HERE / "cryspy" / f"{name}.in").read_text() + f"seed = {seed + 1}\n")
    environment = {**os.environ, "SEARCH_BENCHMARK": str(HERE), "SEARCH_SYSTEM": name}
    command = Path(sys.executable).parent / "cryspy-ht"
    with (folder / "output").open("w") as output:
        subprocess.run([command], cwd=folder, env=environment, check=True, stdout=output, stderr=output)
    return list(read(folder / "relaxed.extxyz", index=":"))


COMPARED: dict[str, Code] = {"ours": ours, "pyxtal": pyxtal, "cryspy": cryspy}
CODES: dict[str, Code] = {**COMPARED, **ablations()}


def pyxtal_structure(settings: SearchSettings, composition: Composition, rng: np.random.Generator) -> Atoms:
    """A random structure of PyXtal with the distances of the search, and under pressure the volume of its elements."""
    table = settings.distance_table()
    tolerance = Tol_matrix(*[(*pair, distance) for pair, distance in table.minima.items()])
    while True:
        crystal = pyxtal_package.pyxtal()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                crystal.from_random(
                    3,
                    int(rng.integers(1, 231)),
                    list(composition.elements),
                    list(composition.counts),
                    conventional=False,
                    tm=tolerance,
                    random_state=rng,
                )
        except Exception:  # PyXtal raises many kinds where a group cannot host the atoms
            continue
        if not crystal.valid:
            continue
        structure = crystal.to_pymatgen()
        if len(structure) != composition.n_atoms:
            structure = structure.get_primitive_structure()
        if len(structure) == composition.n_atoms:
            if settings.pressure:
                structure.scale_lattice(volume_per_atom(composition, settings.pressure) * composition.n_atoms)
            return Atoms(
                [site.specie.symbol for site in structure],
                scaled_positions=structure.frac_coords,
                cell=structure.lattice.matrix,
                pbc=True,
            )
