"""``anhcsp-engine sscha``."""

from __future__ import annotations

from pathlib import Path

import click

from ..sscha.settings import SYMMETRY_TOLERANCE
from .options import log_to_terminal, potential_options, processes_option, seed_option


@click.command("sscha")
@click.argument("structure", type=click.Path(path_type=Path))
@click.argument("outdir", type=click.Path(path_type=Path))
@potential_options
@processes_option
@click.option("--pressure", type=float, required=True, help="Target pressure in GPa.")
@click.option("--temperature", type=float, required=True, help="Temperature in K; 0 is allowed.")
@click.option(
    "--stages",
    required=True,
    help="SUPERCELL:CONFIGURATIONS of each stage, as 1x1x1:200,2x2x2:500; multiples of the primitive cell. "
    "auto:200,auto:500 chooses: more than 8 atoms, images beyond the potential's range, and twice as far.",
)
@seed_option
@click.option("--fixed-cell", is_flag=True, help="Leave the cell as it is; G is still taken at the target pressure.")
@click.option(
    "--start", type=click.Path(path_type=Path), help="OUTDIR of an earlier run (structure and matrices) to go on from."
)
@click.option("--no-audit", is_flag=True, help="End without the fresh ensemble: errors are then those of the last one.")
@click.option("--audit-only", is_flag=True, help="Only audit the --start run; --stages says with what.")
@click.option("--max-populations", type=click.IntRange(min=1), default=20, help="Most populations of a stage.")
@click.option(
    "--symmetry-tolerance",
    type=click.FloatRange(min=1e-6),
    default=SYMMETRY_TOLERANCE,
    help="Of STRUCTURE's symmetry, angstrom.",
)
def command(
    structure: Path,
    outdir: Path,
    specification: str,
    device: str,
    threads: int,
    batch_atoms: int | None,
    processes: int,
    pressure: float,
    temperature: float,
    stages: str,
    seed: int,
    fixed_cell: bool,
    start: Path | None,
    no_audit: bool,
    audit_only: bool,
    max_populations: int,
    symmetry_tolerance: float,
) -> None:
    """Relax STRUCTURE on its quantum anharmonic free energy; results go to OUTDIR.

    The structure is reduced to its symmetrised primitive cell. Each stage is minimised in its supercell, first at a
    fixed cell, then with the cell at the target pressure; the auxiliary matrices of one start the next. At the end a
    fresh, independent ensemble measures what is reported. OUTDIR gets result.json, structure.extxyz,
    dynamical_matrices/dyn1..., audit.extxyz, ensemble/, stages/ and the log of python-sscha. A run that does not
    converge is a result ("converged": false with a reason), not an error.
    """
    from ..errors import InputError
    from ..sscha.run import run_sscha, stages_of
    from ..sscha.settings import Minimisation, SschaSettings
    from ..sscha.worker import PotentialChoice

    if no_audit and audit_only:
        raise InputError("--no-audit", "it contradicts --audit-only", "give one of the two")
    log_to_terminal()
    choice = PotentialChoice(specification, device, threads, batch_atoms, processes)
    settings = SschaSettings(
        pressure=pressure,
        temperature=temperature,
        stages=stages_of(structure, stages, choice, symmetry_tolerance, outdir, start),
        seed=seed,
        fixed_cell=fixed_cell,
        audit="none" if no_audit else "only" if audit_only else "also",
        symmetry_tolerance=symmetry_tolerance,
        minimisation=Minimisation(max_populations=max_populations),
    )
    result = run_sscha(structure, outdir, choice, settings, start)
    if "gibbs_free_energy" in result:
        click.echo(
            f"G = {result['gibbs_free_energy']:.5f} +- {result['gibbs_free_energy_error']:.5f} eV/atom, "
            f"P = {result['pressure']:.2f} +- {result['pressure_error']:.2f} GPa, V = {result['volume']:.3f} A^3, "
            f"{result['spacegroup_initial']} -> {result['spacegroup_final']}"
        )
