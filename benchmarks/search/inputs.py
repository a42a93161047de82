"""Write cryspy/NAME.in for every system: the distances that the other codes obey, the numbers of CrySPY's examples.

    python benchmarks/search/inputs.py

The numbers of each operation are those of CrySPY's example of a population of twenty (soiap_Si4O8_EA: crossover 10,
permutation 3, strain 4, random 3, two elites, ten fittest, tournaments of two); elements have no permutation, and
its three go to the crossover, as they do for the oxide, where the exchange of Ti and O never obeys the distances and
CrySPY 1.5 ends the whole search for that. Under pressure, where CrySPY's own volumes are far off, it gets this
package's estimate. Over compositions (cuau.in) they are those of its example of Cu-Ag-Au.
check_mindist_opt is off because CrySPY 1.5's driver ends when one relaxed structure violates it.
"""

from __future__ import annotations

from pathlib import Path

import depth
from systems import GENERATIONS, POPULATION, SYSTEMS, System

from aiida_anhcsp.engine.search.volumes import volume_per_atom

WITHOUT_PERMUTATION = ("tio2",)
JOBS = {"EA": ["njob = 1"], "EA-vc": [f"njob = {POPULATION}", "jobcmd = bash", "jobfile = unused"]}
"""CrySPY's interactive functions relax so many structures a call, one after the other, and want a job to be named."""


def distances(system: System) -> list[str]:
    """The table of least distances."""
    elements, table = system.composition.elements, system.settings(0).distance_table()
    rows = [" ".join(f"{table[first, second]:.4f}" for second in elements) for first in elements]
    return [f"mindist_{number} = {row}" for number, row in enumerate(rows, start=1)]


def text_of(algorithm: str, structure: list[str], numbers: list[str], generations: int) -> str:
    """Text of cryspy.in, without the seed, which comes last."""
    lines = ["[basic]", f"algo = {algorithm}", "calc_code = ASE", "nstage = 1", *JOBS[algorithm]]
    lines += ["", "[structure]", *structure, "", "[ASE]", "ase_python = ase_in.py", "", "[EA]", f"n_pop = {POPULATION}"]
    lines += [*numbers, "n_elite = 2", "n_fittest = 10", "slct_func = TNM", "t_size = 2", f"maxgen_ea = {generations}"]
    return "\n".join([*lines, "", "[option]", "check_mindist_opt = False"]) + "\n"


def of_one_formula(name: str, system: System) -> str:
    """Input of CrySPY's EA."""
    composition = system.composition
    permutation = 3 if len(composition.elements) > 1 and name not in WITHOUT_PERMUTATION else 0
    structure = [f"atype = {' '.join(composition.elements)}", f"nat = {' '.join(map(str, composition.counts))}"]
    structure += distances(system)
    if system.pressure:
        volume = volume_per_atom(composition, system.pressure) * composition.n_atoms
        structure += [f"vol_mu = {volume:.2f}", f"vol_sigma = {0.05 * volume:.2f}"]
    numbers = [f"n_crsov = {13 - permutation}", f"n_perm = {permutation}", "n_strain = 4", "n_rand = 3"]
    return text_of("EA", structure, numbers, GENERATIONS)


def over_compositions(system: System) -> str:
    """Input of CrySPY's EA-vc, without the energies of the elements, over all that a system's formula can lose."""
    composition = system.composition
    structure = [f"atype = {' '.join(composition.elements)}", f"ll_nat = {' '.join('0' for _ in composition.counts)}"]
    structure += [f"ul_nat = {' '.join(map(str, composition.counts))}", *distances(system)]
    numbers = ["n_crsov = 5", "n_perm = 2", "n_strain = 2", "n_rand = 2", "n_add = 3", "n_elim = 3", "n_subs = 3"]
    return text_of("EA-vc", structure, [*numbers, "ref_energies ="], depth.GENERATIONS)


def inputs() -> dict[str, str]:
    """Text of every file of inputs by its name."""
    one = {f"{name}.in": of_one_formula(name, system) for name, system in SYSTEMS.items()}
    return {**one, "cuau.in": over_compositions(SYSTEMS["cu8au8"])}


if __name__ == "__main__":
    for name, text in inputs().items():
        (Path(__file__).parent / "cryspy" / name).write_text(text)
