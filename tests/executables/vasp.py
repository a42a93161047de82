"""A stand-in for the VASP executable, for tests only: it reads VASP's inputs and writes VASP's outputs.

POSCAR gives the structure, POTCAR the species (its TITEL lines, which have to agree with the POSCAR), INCAR the
settings and KPOINTS the mesh. Energies, forces and stresses are those of ASE's EMT. As in VASP the energy without
entropy and the energy extrapolated to zero smearing differ from the free energy, and the stress is in kB with the
opposite of ASE's sign; the energies of an ionic step contain PSTRESS times the volume, those of an electronic step
do not. A structure in which two atoms are closer than 0.5 angstrom does not converge. IBRION = 2 with ISIF = 3
relaxes cell and positions at PSTRESS until the forces are below -EDIFFG or NSW steps are done.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.io import read, write
from ase.optimize import BFGS
from ase.units import GPa

ENTROPY = 0.0125  # eV per atom between the free energy and the energy without entropy


def read_incar(text: str) -> dict[str, str]:
    """Tags of an INCAR, upper case."""
    pairs = (line.split("#")[0].split("!")[0].split("=", 1) for line in text.splitlines() if "=" in line)
    return {key.strip().upper(): value.strip() for key, value in pairs}


def read_species(text: str) -> list[str]:
    """Elements of a POTCAR in order, from its TITEL lines such as ``TITEL  = PAW_PBE Cu 22Jun2005``."""
    return [line.split("=")[1].split()[1].split("_")[0] for line in text.splitlines() if "TITEL" in line]


def varray(name: str, rows: np.ndarray, indent: str = "   ") -> str:
    """A vasprun.xml vector array."""
    lines = [f'{indent}<varray name="{name}" >']
    lines += [f"{indent} <v> " + " ".join(f"{value:16.8f}" for value in row) + " </v>" for row in rows]
    return "\n".join([*lines, f"{indent}</varray>"])


def structure(atoms: Atoms, name: str = "") -> str:
    """A vasprun.xml structure."""
    attribute = f' name="{name}"' if name else ""
    crystal = "\n".join(
        [
            "  <crystal>",
            varray("basis", atoms.cell[:]),
            f'   <i name="volume"> {atoms.get_volume():16.8f} </i>',
            varray("rec_basis", np.linalg.inv(atoms.cell[:]).T),
            "  </crystal>",
        ]
    )
    return (
        f" <structure{attribute} >\n{crystal}\n{varray('positions', atoms.get_scaled_positions(), '  ')}\n </structure>"
    )


def atominfo(atoms: Atoms) -> str:
    """The vasprun.xml block of atoms and types."""
    symbols = atoms.get_chemical_symbols()
    types = list(dict.fromkeys(symbols))
    rows = "\n".join(f"    <rc><c>{s:2s}</c><c>{types.index(s) + 1:4d}</c></rc>" for s in symbols)
    kinds = "\n".join(
        f"    <rc><c>{symbols.count(s):4d}</c><c>{s:2s}</c><c> 1.0</c><c> 11.0</c><c> PAW_PBE {s} </c></rc>"
        for s in types
    )
    return (
        f" <atominfo>\n  <atoms> {len(atoms)} </atoms>\n  <types> {len(types)} </types>\n"
        '  <array name="atoms" >\n   <dimension dim="1">ion</dimension>\n   <field type="string">element</field>\n'
        f'   <field type="int">atomtype</field>\n   <set>\n{rows}\n   </set>\n  </array>\n'
        '  <array name="atomtypes" >\n   <dimension dim="1">type</dimension>\n'
        '   <field type="int">atomspertype</field>\n   <field type="string">element</field>\n   <field>mass</field>\n'
        '   <field>valence</field>\n   <field type="string">pseudopotential</field>\n'
        f"   <set>\n{kinds}\n   </set>\n  </array>\n </atominfo>"
    )


def energies(free: float, entropy: float) -> str:
    """A vasprun.xml energy block: free energy, without entropy, extrapolated to zero smearing."""
    return (
        f'  <energy>\n   <i name="e_fr_energy"> {free:16.8f} </i>\n'
        f'   <i name="e_wo_entrp"> {free + entropy:16.8f} </i>\n'
        f'   <i name="e_0_energy"> {free + entropy / 2:16.8f} </i>\n  </energy>'
    )


def vasprun(atoms: Atoms, incar: dict[str, str], mesh: list[int]) -> str:
    """A complete vasprun.xml of one ionic step, the last."""
    free, entropy = atoms.get_potential_energy(), ENTROPY * len(atoms)
    work = pstress(incar) * atoms.get_volume()
    stress = -atoms.get_stress(voigt=False) / GPa * 10
    tags = "\n".join(f'  <i type="string" name="{key}"> {value} </i>' for key, value in incar.items())
    step = energies(free, entropy).replace("\n", "\n ")
    return "\n".join(
        [
            '<?xml version="1.0" encoding="ISO-8859-1"?>',
            "<modeling>",
            ' <generator>\n  <i name="program" type="string">vasp </i>\n  <i name="version" type="string">6.3.2 </i>',
            " </generator>",
            f" <incar>\n{tags}\n </incar>",
            ' <kpoints>\n  <generation param="Gamma">',
            f'   <v type="int" name="divisions"> {" ".join(map(str, mesh))} </v>\n  </generation>',
            varray("kpointlist", np.zeros((1, 3)), "  "),
            varray("weights", np.ones((1, 1)), "  "),
            " </kpoints>",
            ' <parameters>\n  <separator name="electronic" >\n   <i name="ISPIN"> 1 </i>',
            '   <i type="int" name="NELM"> 60 </i>\n  </separator>\n  <separator name="ionic" >',
            f'   <i type="int" name="NSW"> {incar.get("NSW", "0")} </i>\n  </separator>\n </parameters>',
            atominfo(atoms),
            structure(atoms, "initialpos"),
            f" <calculation>\n  <scstep>\n {step}\n  </scstep>",
            structure(atoms),
            varray("forces", atoms.get_forces(), "  "),
            varray("stress", stress, "  "),
            energies(free + work, entropy),
            '  <dos>\n   <i name="efermi">      5.00000000 </i>\n  </dos>',
            " </calculation>",
            structure(atoms, "finalpos"),
            "</modeling>\n",
        ]
    )


def outcar(atoms: Atoms, nsw: int, ionic_steps: int, converged: bool) -> str:
    """The parts of an OUTCAR that tell how the run went."""
    iterations = 12 if converged else 60
    dashes = "-" * 39
    steps = "\n".join(
        f"{dashes} Iteration {ion:6d}({step:4d})  {dashes}"
        for ion in range(1, ionic_steps + 1)
        for step in range(1, iterations + 1)
    )
    if 1 < ionic_steps < nsw:
        steps += "\n reached required accuracy - stopping structural energy minimisation\n"
    accuracy = (
        "------------------------ aborting loop because EDIFF is reached ----------------------------------------\n"
        if converged
        else ""
    )
    return (
        " vasp.6.3.2 27Jun22 (build) complex\n\n   NELM   =     60;   NELMIN=  4; NELMDL= -5     # of ELM steps\n"
        f"   NSW    =   {nsw:4d}    number of steps for IOM\n   IBRION =   {2 if nsw else -1:4d}    ionic relax\n"
        f"   number of ions     NIONS = {len(atoms):6d}\n\n{steps}\n{accuracy}\n\n"
        " General timing and accounting informations for this job:\n"
        " ========================================================\n\n"
        "                  Total CPU time used (sec):        1.234\n"
        "                            User time (sec):        1.100\n"
        "                          System time (sec):        0.134\n"
        "                         Elapsed time (sec):        1.300\n\n"
        "                   Maximum memory used (kb):      123456.\n"
        "                   Average memory used (kb):          N/A\n\n"
        "                          Minor page faults:         1234\n"
        "                          Major page faults:            0\n"
        "                 Voluntary context switches:           12\n"
    )


def pstress(incar: dict[str, str]) -> float:
    """PSTRESS, in kB, as eV/angstrom^3."""
    return float(incar.get("PSTRESS", "0")) / 10 * GPa


def relax(atoms: Atoms, incar: dict[str, str]) -> int:
    """Relax in place at PSTRESS; return the number of ionic steps."""
    optimiser = BFGS(FrechetCellFilter(atoms, scalar_pressure=pstress(incar)), logfile=None)
    optimiser.run(fmax=-float(incar["EDIFFG"]), steps=int(incar["NSW"]) - 1)
    return int(optimiser.get_number_of_steps()) + 1


def main() -> None:
    """Do one static calculation, or one relaxation, in the current folder."""
    incar = read_incar(Path("INCAR").read_text())
    mesh = [int(number) for number in Path("KPOINTS").read_text().splitlines()[3].split()[:3]]
    atoms = read("POSCAR", format="vasp")
    species = read_species(Path("POTCAR").read_text())
    if list(dict.fromkeys(atoms.get_chemical_symbols())) != species:
        sys.exit(f"POTCAR holds {species}, POSCAR {atoms.get_chemical_formula()}")
    task = (incar.get("IBRION", "-1"), incar.get("ISIF", "2"), int(incar.get("NSW", "0")) > 0)
    if task not in {("-1", "2", False), ("2", "3", True)}:
        sys.exit("this executable does static calculations and full relaxations only")
    distances = atoms.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)]
    converged = not (distances < 0.5).any()
    atoms.calc = EMT()
    steps = relax(atoms, incar) if task[2] and converged else 1
    Path("OUTCAR").write_text(outcar(atoms, int(incar.get("NSW", "0")), steps, converged))
    Path("vasprun.xml").write_text(vasprun(atoms, incar, mesh))
    write("CONTCAR", atoms, format="vasp", direct=True)
    print(" running on    1 total cores\n vasp.6.3.2 27Jun22 (build) complex")
    for step in range(1, steps + 1):
        print(f"{step:4d} F= -.1E+01 E0= -.1E+01  d E =-.1E-02")


if __name__ == "__main__":
    main()
