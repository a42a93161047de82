"""The soft mode against pressure, as in Fig. 4 of the H3S study: of the JSON files of ``soft_mode.py``, and PBE itself.

    python -m benchmarks.sscha.soft_mode_figure

Run from the root of the repository; writes ``benchmarks/sscha/soft_mode.png``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

HERE = Path(__file__).parent
CURVES = {
    "soft_mode": "2\u00d72\u00d72, 0 K",
    "soft_mode_300K": "2\u00d72\u00d72, 300 K",
    "soft_mode_3x3x3": "3\u00d73\u00d73, 0 K",
}


def points(name: str) -> list[dict[str, Any]]:
    """Points of a file."""
    found: list[dict[str, Any]] = json.loads((HERE / f"{name}.json").read_text())["points"]
    return found


def main() -> None:
    """Harmonic against static pressure, SSCHA Hessians against quantum pressure."""
    figure = Figure(figsize=(5.5, 4), layout="constrained")
    axes = figure.subplots()
    by_dft, by_model = points("soft_mode_dft"), points("soft_mode")
    for rows, style, label in ((by_dft, "xk", "harmonic, PBE itself"), (by_model, "--s", "harmonic, model")):
        axes.plot([row["static_pressure"] for row in rows], [row["harmonic"] / 1e6 for row in rows], style, label=label)
    for name, label in CURVES.items():
        rows = points(name)
        axes.errorbar(
            [row["pressure"] for row in rows],
            [row["hessian"] / 1e6 for row in rows],
            [(row["hessian_error"] or 0) / 1e6 for row in rows],
            fmt="-o",
            capsize=2,
            label=f"SSCHA Hessian, {label}",
        )
    axes.axhline(0, color="black", linewidth=0.5)
    axes.set_xlabel("pressure (GPa), static of the harmonic, quantum of the others")
    axes.set_ylabel(r"$\omega^2$ of T$_{1u}$ ($10^6$ cm$^{-2}$)")
    axes.set_title("Im-3m H$_3$S")
    axes.legend(frameon=False)
    figure.savefig(HERE / "soft_mode.png", dpi=150)


if __name__ == "__main__":
    main()
