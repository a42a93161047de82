"""``anhcsp-engine relax``."""

from __future__ import annotations

from pathlib import Path

import click

from ..frames import read_frames, write_frames
from ..potentials import load_potential
from ..potentials.batching import BATCH_ATOMS
from ..potentials.resolve import content_identity
from ..potentials.specification import parse_specification
from ..relaxation import RelaxSettings, relax
from .options import checkpoint_of, log_to_terminal, potential_options, processes_option


@click.command("relax")
@click.argument("source", metavar="IN.extxyz", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT.extxyz", type=click.Path(path_type=Path))
@potential_options
@processes_option
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
    batch_atoms: int | None,
    processes: int,
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
    in_flight = (batch_atoms or BATCH_ATOMS[device]) * processes
    settings = RelaxSettings(fmax=fmax, max_steps=max_steps, batch_atoms=in_flight, keep_symmetry=keep_symmetry)
    frames = read_frames(source)
    potential = load_potential(specification, device, threads, batch_atoms, processes=processes)
    relaxed = relax(
        frames,
        potential,
        pressure,
        settings,
        checkpoint=checkpoint_of(target),
        max_wallclock=max_wallclock,
        identity=content_identity(parse_specification(specification)),
    )
    write_frames(target, relaxed)
