"""Write cryspy/NAME.in for every system: the distances that the other codes obey, the numbers of CrySPY's examples.

    python benchmarks/search/inputs.py

The numbers of each operation are those of CrySPY's example of a population of twenty (soiap_Si4O8_EA: crossover 10,
permutation 3, strain 4, random 3, two elites, ten fittest, tournaments of two); elements have no permutation, and
its three go to the crossover, as they do for the oxide, where the exchange of Ti and O never obeys the distances and
CrySPY 1.5 ends the whole search for that. Under pressure, where CrySPY's own volumes are far off, it gets this
package's estimate.
check_mindist_opt is off because CrySPY 1.5's driver ends when one relaxed structure violates it.
"""

from __future__ import annotations

from pathlib import Path

from systems import GENERATIONS, POPULATION, SYSTEMS, System

from aiida_anhcsp.engine.search.volumes import volume_per_atom

WITHOUT_PERMUTATION = ("tio2",)


def cryspy_input(name: str, system: System) -> str:
    """Text of cryspy.in, without the seed, which comes last."""
    composition, table = system.composition, system.settings(0).distance_table()
    elements = composition.elements
    permutation = 3 if len(elements) > 1 and name not in WITHOUT_PERMUTATION else 0
    lines = ["[basic]", "algo = EA", "calc_code = ASE", "nstage = 1", "njob = 1", "", "[structure]"]
    lines += [f"atype = {' '.join(elements)}", f"nat = {' '.join(map(str, composition.counts))}"]
    for row, first in enumerate(elements, start=1):
        lines.append(f"mindist_{row} = " + " ".join(f"{table[first, second]:.4f}" for second in elements))
    if system.pressure:
        volume = volume_per_atom(composition, system.pressure) * composition.n_atoms
        lines += [f"vol_mu = {volume:.2f}", f"vol_sigma = {0.05 * volume:.2f}"]
    lines += ["", "[ASE]", "ase_python = ase_in.py", "", "[EA]", f"n_pop = {POPULATION}"]
    lines += [f"n_crsov = {13 - permutation}", f"n_perm = {permutation}", "n_strain = 4", "n_rand = 3"]
    lines += ["n_elite = 2", "n_fittest = 10", "slct_func = TNM", "t_size = 2", f"maxgen_ea = {GENERATIONS}"]
    lines += ["", "[option]", "check_mindist_opt = False"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name, system in SYSTEMS.items():
        (Path(__file__).parent / "cryspy" / f"{name}.in").write_text(cryspy_input(name, system))
