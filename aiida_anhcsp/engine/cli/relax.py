"""``anhcsp-engine relax``."""

from __future__ import annotations

from pathlib import Path

import click

from ..frames import read_frames, write_frames
from ..potentials import load_potential
from ..relaxation import RelaxSettings, relax
from .options import log_to_terminal, potential_options


@click.command("relax")
@click.argument("source", metavar="IN.extxyz", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT.extxyz", type=click.Path(path_type=Path))
@potential_options
@click.option("--pressure", type=float, required=True, help="Hydrostatic pressure, GPa.")
@click.option("--fmax", type=float, default=RelaxSettings.fmax, help="eV/angstrom; FrechetCellFilter's criterion.")
@click.option("--max-steps", type=int, default=RelaxSettings.max_steps, help="Most moves of one structure.")
@click.option("--keep-symmetry", is_flag=True, help="Keep the space group each structure starts with.")
@click.option("--max-wallclock", type=click.FloatRange(min=0), default=None, help="Seconds; then a partial result.")
def command(
    source: Path,
    target: Path,
    specification: str,
    device: str,
    threads: int,
    batch_atoms: int,
    pressure: float,
    fmax: float,
    max_steps: int,
    keep_symmetry: bool,
    max_wallclock: float | None,
) -> None:
    """Relax the frames of IN at a pressure: one frame out per frame in, in order.

    Every frame of OUT has a status: converged or max_steps (with energy, forces, stress, enthalpy in eV/atom, steps,
    spacegroup, pressure), or too_close, nonfinite, collapsed, exploded or failed; what did not converge says why in
    "reason". While it runs, OUT.extxyz.checkpoint.npz is kept: the same command goes on from there after a kill or
    after --max-wallclock, and ends with the same result.
    """
    log_to_terminal()
    settings = RelaxSettings(fmax=fmax, max_steps=max_steps, batch_atoms=batch_atoms, keep_symmetry=keep_symmetry)
    frames = read_frames(source)
    potential = load_potential(specification, device=device, threads=threads, batch_atoms=batch_atoms)
    relaxed = relax(
        frames,
        potential,
        pressure,
        settings,
        checkpoint=target.with_name(f"{target.name}.checkpoint.npz"),
        max_wallclock=max_wallclock,
        identity=specification,
    )
    write_frames(target, relaxed)
