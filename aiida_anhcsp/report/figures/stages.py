"""Figures of SSCHA runs: the free energy from stage to stage."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ..sscha import SschaRun
from .panel import Panel, Series

MOST = 8
"""runs in one figure, the lowest"""


def stage_panels(runs: Sequence[SschaRun]) -> list[Panel]:
    """Free energies of the stages relative to each run's last, at each pressure and temperature."""
    panels = []
    known = sorted((run for run in runs if run.steps), key=lambda run: run.point)
    for (pressure, temperature), group in itertools.groupby(known, key=lambda run: run.point):
        members = sorted(group, key=lambda run: run.steps[-1].gibbs)[:MOST]
        names = list(dict.fromkeys(step.name for run in members for step in run.steps))
        panels.append(
            Panel(
                f"stages_{pressure:g}GPa_{temperature:g}K".replace(".", "_"),
                f"SSCHA from stage to stage: {pressure:g} GPa, {temperature:g} K",
                "",
                "G relative to the end (meV/atom)",
                [_series(run, names, color) for color, run in enumerate(members)],
                "The supercell of each stage, and the independent ensemble that audits the last one.",
                ticks={float(place): name for place, name in enumerate(names)},
            )
        )
    return panels


def _series(run: SschaRun, names: Sequence[str], color: int) -> Series:
    end = run.steps[-1].gibbs
    return Series(
        run.name,
        [float(names.index(step.name)) for step in run.steps],
        [1000 * (step.gibbs - end) for step in run.steps],
        "both",
        texts=[f"{run.name}<br>{step.name}<br>G = {step.gibbs:.4f} eV/atom<br>{step.spacegroup}" for step in run.steps],
        errors=[1000 * step.gibbs_error for step in run.steps],
        color=color,
    )
