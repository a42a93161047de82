"""The learning curves of this folder in one figure, with the errors of the H3S study and the fitted power laws.

python benchmarks/learning/figure.py docs/images/learning_curve.svg MTP=benchmarks/learning/mtp.json ...
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
from learning_curve import TARGETS
from matplotlib.figure import Figure

UNITS = {"energy": "meV/atom", "force": "meV/Å", "stress": "GPa"}
FURTHEST = 1e4


@click.command()
@click.argument("picture", type=click.Path(path_type=Path))
@click.argument("curves", nargs=-1, required=True)
def main(picture: Path, curves: tuple[str, ...]) -> None:
    """Draw CURVES, each NAME=FILE."""
    figure = Figure(figsize=(10, 3.3), layout="constrained")
    panels = figure.subplots(1, len(TARGETS))
    for color, text in enumerate(curves):
        name, path = text.split("=", 1)
        document = json.loads(Path(path).read_text())
        numbers = np.array([int(number) for number in document["errors"]])
        for panel, quantity in zip(panels, TARGETS, strict=True):
            errors = [row["all"][quantity] for row in document["errors"].values()]
            panel.loglog(numbers, errors, "o", color=f"C{color}", label=name)
            law = document["power_law"]["all"][quantity]
            line = np.geomspace(numbers[0], FURTHEST)
            panel.loglog(line, law["a"] * line ** -law["b"], "--", color=f"C{color}", linewidth=0.8)
    for panel, (quantity, target) in zip(panels, TARGETS.items(), strict=True):
        panel.axhline(target, color="grey", linewidth=0.8)
        panel.set(xlabel="labels", ylabel=f"test RMSE of the {quantity} ({UNITS[quantity]})")
    panels[0].legend(frameon=False)
    figure.savefig(picture)


if __name__ == "__main__":
    main()
