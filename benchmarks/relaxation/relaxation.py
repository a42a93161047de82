"""Relaxations per core: the engine's relaxer against other programs with the same model.

    pip install '.[benchmarks]'
    OMP_NUM_THREADS=1 python benchmarks/relaxation/relaxation.py

64 random H3S cells of 4-16 atoms at 150 GPa, displaced as a search does it; one model, pressure, criterion and most
steps for all, one thread. The others: ASE's FIRE with MatterSim's calculator, MatterSim's BatchRelaxer with a pressure
filter, torch-sim's FIRE with MatterSim's network. Structures are treated in groups of eight, and what is done is kept
in results.json beside this file: ``--budget`` stops a run, the same command goes on. Times are CPU times; the table
compares the groups that all methods have done.
"""

from __future__ import annotations

import json
import os
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import torch
from ase import Atoms
from peers import PEERS, Row

from aiida_anhcsp.engine.potentials.mattersim import load_mattersim
from aiida_anhcsp.engine.potentials.resolve import resolve_file
from aiida_anhcsp.engine.potentials.specification import parse_specification
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.search.initial import random_population
from aiida_anhcsp.engine.search.settings import SearchSettings

HERE = Path(__file__).parent
GROUP = 8
NAMES = {
    "engine": "this project",
    "engine_fire": "this project, FIRE",
    "ase": "ASE FIRE, MatterSim's calculator",
    "batch_relaxer": "MatterSim's BatchRelaxer",
    "torch_sim": "torch-sim, MatterSim's network",
}


def by_engine(
    frames: list[Atoms], path: Path, pressure: float, fmax: float, max_steps: int, method: str = "lbfgs"
) -> list[Row]:
    """The engine's relaxer, batches of 64 atoms."""
    settings = RelaxSettings(fmax=fmax, max_steps=max_steps, method=method)  # type: ignore[arg-type]
    return [
        {
            "status": frame.info["status"],
            "enthalpy": frame.info.get("enthalpy"),
            "evaluations": frame.info.get("steps", 0) + 1,
        }
        for frame in relax(frames, load_mattersim(path), pressure, settings)
    ]


def run(method: str, *arguments: Any) -> list[Row]:
    """Rows of one method."""
    if method.startswith("engine"):
        return by_engine(*arguments, method="fire" if method == "engine_fire" else "lbfgs")
    return PEERS[method](*arguments)


def table(results: dict[str, Any]) -> str:
    """CPU seconds, force calls, failures and ratios over the groups that every method has done."""
    methods = {name: groups for name, groups in results["methods"].items() if groups}
    common = min(len(groups) for groups in methods.values())
    own = sum(group["cpu"] for group in methods["engine"][:common])
    settings = results["settings"]
    lines = [
        f"{common * GROUP} random H3S cells of 4-16 atoms at {settings['pressure']:.0f} GPa, model "
        f"{settings['model']}, fmax {settings['fmax']} eV/angstrom, at most {settings['max_steps']} steps, one core.",
        "",
        "| method | CPU s | ratio | force calls | converged | not converged | failed | mean enthalpy, eV/atom |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, groups in methods.items():
        rows = [row for group in groups[:common] for row in group["rows"]]
        cpu = sum(group["cpu"] for group in groups[:common])
        count = {status: sum(row["status"] == status for row in rows) for status in ("converged", "max_steps")}
        values = [row["enthalpy"] for row in rows if row["enthalpy"] is not None]
        mean = f"{sum(values) / len(values):.4f}" if values else ""
        lines.append(
            f"| {NAMES[name]} | {cpu:.1f} | {cpu / own:.1f} | {sum(row.get('evaluations', 0) for row in rows)} "
            f"| {count['converged']} | {count['max_steps']} | {len(rows) - sum(count.values())} | {mean} |"
        )
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--model", default="mini-H-S", show_default=True, help="MatterSim checkpoint, name or file.")
@click.option("--methods", default="engine,torch_sim,ase,batch_relaxer", show_default=True)
@click.option("--number", default=64, show_default=True, help="Structures.")
@click.option("--pressure", default=150.0, show_default=True, help="GPa.")
@click.option("--fmax", default=0.01, show_default=True, help="eV/angstrom.")
@click.option("--max-steps", default=500, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--budget", default=float("inf"), help="CPU seconds after which nothing new is begun.")
@click.option("--output", type=click.Path(path_type=Path), default=HERE / "results.json")
def main(
    model: str,
    methods: str,
    number: int,
    pressure: float,
    fmax: float,
    max_steps: int,
    seed: int,
    budget: float,
    output: Path,
) -> None:
    """Measure the relaxer and others on the same structures."""
    torch.set_num_threads(1)
    path = resolve_file(parse_specification(f"mattersim:{model}", "--model"), "--model")
    search = {"formula": "H3S", "formula_units": "1-4", "pressure": pressure, "seed": seed, "displacement": 0.05}
    frames = random_population(SearchSettings.parse({**search, "population": number, "generations": 1}))
    settings = {**search, "model": model, "number": number, "fmax": fmax, "max_steps": max_steps}
    results: dict[str, Any] = json.loads(output.read_text()) if output.is_file() else {}
    if results.get("settings") != settings:
        results = {"settings": settings, "methods": {}}
    results["atoms"] = [len(frame) for frame in frames]
    results["versions"] = {
        name: version(name) for name in ("ase", "mattersim", "numpy", "torch", "torch-sim-atomistic")
    }
    results["cores"] = os.cpu_count()
    end = time.process_time() + budget
    for start in range(0, number, GROUP):
        for method in methods.split(","):
            groups = results["methods"].setdefault(method, [])
            if len(groups) * GROUP != start or time.process_time() > end:
                continue
            begin = time.process_time()
            rows = run(method, frames[start : start + GROUP], path, pressure, fmax, max_steps)
            cpu = time.process_time() - begin
            groups.append({"cpu": round(cpu, 2), "load": os.getloadavg()[0], "rows": rows})
            output.write_text(json.dumps(results, indent=1) + "\n")
            click.echo(f"{method} {start}: {cpu:.1f} s, {[row['status'] for row in rows]}")
    output.with_suffix(".md").write_text(table(results))
    click.echo(table(results))


if __name__ == "__main__":
    main()
