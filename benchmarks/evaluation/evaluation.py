"""Energies, forces and stresses per second: this project's evaluation of MatterSim models against MatterSim's own.

    python benchmarks/evaluation/evaluation.py

One thread; a model of the 1M size with random weights; H3S at 150 GPa. Stock MatterSim through its calculator (one
structure at a time) and through its batch path; ours as ``anhcsp-engine`` uses it, screening and neighbour lists
included. Taken in turns within each row. Times are CPU times of this process, so that a busy machine slows all alike.
Writes ``results.json`` and ``table.md`` beside this file; ``--atoms`` and ``--batches`` measure these rows alone,
``--training`` the training step alone, and keep the others, for machines that cannot be had in one piece.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

warnings.filterwarnings("ignore")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from ase import Atoms  # noqa: E402
from ase.units import GPa  # noqa: E402
from mattersim.datasets.utils.build import build_dataloader  # noqa: E402
from mattersim.forcefield.m3gnet.m3gnet import M3Gnet  # noqa: E402
from mattersim.forcefield.potential import MatterSimCalculator, Potential, batch_to_dict  # noqa: E402

from aiida_anhcsp.engine.potentials.m3gnet.graph import batch_frames  # noqa: E402
from aiida_anhcsp.engine.potentials.m3gnet.linear import linear  # noqa: E402
from aiida_anhcsp.engine.potentials.m3gnet.model import FactorisedM3GNet  # noqa: E402
from aiida_anhcsp.engine.potentials.mattersim import load_mattersim  # noqa: E402

HERE = Path(__file__).parent
MODEL = {"num_blocks": 3, "units": 128, "max_l": 4, "max_n": 4, "cutoff": 5.0, "threebody_cutoff": 4.0}
REPEATS = {4: (1, 1, 1), 8: (2, 1, 1), 16: (2, 2, 1), 32: (2, 2, 2)}
STOCK_ATOMS = 128
"""Most atoms in one stock batch: beyond, its three-body arrays need more memory than common machines have."""


def sulfur_hydride(atoms: int, rng: np.random.Generator) -> Atoms:
    """H3S in the Im-3m structure at the volume of 150 GPa (3.65 angstrom^3 per atom), displaced by 0.08 angstrom."""
    vectors = 3.08 / 2 * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    places = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    frame = Atoms("SHHH", scaled_positions=places, cell=vectors, pbc=True).repeat(REPEATS[atoms])
    frame.rattle(0.08, rng=rng)
    return frame


def make_checkpoint(path: Path) -> None:
    torch.manual_seed(0)
    model = M3Gnet(device="cpu", **MODEL)
    torch.save({"model_name": "m3gnet", "model": model.state_dict(), "model_args": model.get_model_args()}, path)


def stock_batch(potential: Potential, frames: list[Atoms]) -> dict[str, torch.Tensor]:
    loader = build_dataloader(frames, cutoff=5.0, threebody_cutoff=4.0, batch_size=len(frames), only_inference=True)
    inputs = batch_to_dict(next(iter(loader)), device="cpu")
    result: dict[str, torch.Tensor] = potential(inputs, include_forces=True, include_stresses=True)
    return result


def seconds(function: Callable[[], Any]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def in_turns(functions: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median CPU seconds of each, all tried once before, then taken in turns."""
    for function in functions.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            times[name].append(seconds(function))
    return {name: median(values) for name, values in times.items()}


def measure_evaluation(checkpoint: Path, sizes: list[int], batches: list[int], repeats: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    potential = Potential.from_checkpoint(str(checkpoint), device="cpu", load_training_state=False)
    calculator = MatterSimCalculator(potential=potential, device="cpu")
    ours = load_mattersim(checkpoint)

    def one_by_one(frames: list[Atoms]) -> None:
        for frame in frames:
            calculator.calculate(frame, ["energy", "forces", "stress"])

    rows = []
    for atoms in sizes:
        for batch in batches:
            frames = [sulfur_hydride(atoms, rng) for _ in range(batch)]
            few = frames[: max(1, min(batch, 64 // atoms))]  # the calculator's time per structure needs no more
            together = frames[: max(1, min(batch, STOCK_ATOMS // atoms))]
            times = in_turns(
                {
                    "calculator": lambda few=few: one_by_one(few),
                    "stock_batch": lambda together=together: stock_batch(potential, together),
                    "ours": lambda frames=frames: ours.evaluate(frames),
                },
                repeats,
            )
            row = {
                "atoms": atoms,
                "batch": batch,
                "stock_batch_size": len(together),
                "calculator_ms": 1e3 * times["calculator"] / len(few),
                "stock_batch_ms": 1e3 * times["stock_batch"] / len(together),
                "ours_ms": 1e3 * times["ours"] / batch,
            }
            row["gain_over_calculator"] = row["calculator_ms"] / row["ours_ms"]
            row["gain_over_batch"] = row["stock_batch_ms"] / row["ours_ms"]
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


def profile(checkpoint: Path) -> dict[str, dict[str, float]]:
    """Shares of the ten largest operations of torch in an evaluation and in a training step of 64 atoms."""
    frames = [sulfur_hydride(16, np.random.default_rng(1)) for _ in range(4)]
    ours, graph = load_mattersim(checkpoint), batch_frames(frames, 5.0, 4.0)
    trained = FactorisedM3GNet.from_stock(M3Gnet(device="cpu", **MODEL)).train()

    def train() -> None:
        energies, forces, stresses = trained(graph, create_graph=True)
        (energies.square().mean() + forces.square().mean() + stresses.square().mean()).backward()

    shares = {}
    for name, function in {"evaluation": lambda: ours.evaluate(frames), "training": train}.items():
        function()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as record:
            function()
        own = {event.key: event.self_cpu_time_total for event in record.key_averages()}
        largest = sorted(own, key=lambda key: -own[key])[:10]
        shares[name] = {key: round(own[key] / sum(own.values()), 3) for key in largest}
    return shares


def measure_training(repeats: int, atoms: int = 16, batch: int = 4) -> dict[str, Any]:
    """One step on energies, forces and stresses with Adam, ms per configuration."""
    rng = np.random.default_rng(1)
    frames = [sulfur_hydride(atoms, rng) for _ in range(batch)]
    torch.manual_seed(0)
    stock = Potential(M3Gnet(device="cpu", **MODEL), device="cpu").train()
    ours = FactorisedM3GNet.from_stock(M3Gnet(device="cpu", **MODEL)).train()
    optimiser = torch.optim.Adam(ours.parameters())
    loader = build_dataloader(frames, cutoff=5.0, threebody_cutoff=4.0, batch_size=batch, only_inference=True)
    data = next(iter(loader))
    graph = batch_frames(frames, 5.0, 4.0)

    def stock_step() -> None:
        stock.optimizer.zero_grad()
        result = stock(batch_to_dict(data, device="cpu"), include_forces=True, include_stresses=True)
        loss = result["total_energy"].square().mean() + result["forces"].square().mean()
        (loss + (result["stresses"] * GPa).square().mean()).backward()
        stock.optimizer.step()

    def our_step() -> None:
        optimiser.zero_grad()
        energies, forces, stresses = ours(graph, create_graph=True)
        (energies.square().mean() + forces.square().mean() + stresses.square().mean()).backward()
        optimiser.step()

    times = in_turns({"stock": stock_step, "ours": our_step}, repeats)
    row = {"atoms": atoms, "batch": batch, **{f"{name}_ms": 1e3 * value / batch for name, value in times.items()}}
    row["gain"] = row["stock_ms"] / row["ours_ms"]
    row["bonds"] = len(graph.first) / batch
    print(json.dumps(row), flush=True)
    return row


def peak_memory(checkpoint: Path, method: str) -> float:
    """MB by which 64 atoms (8 cells of 8) raise the peak memory of a process of its own."""
    command = [sys.executable, __file__, "--memory-of", method, str(checkpoint)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def report_memory(method: str, checkpoint: Path) -> None:
    rng = np.random.default_rng(0)
    torch.set_num_threads(1)
    frames = [sulfur_hydride(8, rng) for _ in range(8)]
    tiny = [Atoms("H", cell=[4.9, 4.9, 4.9], pbc=True)]
    if method == "stock":
        potential = Potential.from_checkpoint(str(checkpoint), device="cpu", load_training_state=False)
        run: Callable[[list[Atoms]], Any] = lambda frames: stock_batch(potential, frames)  # noqa: E731
    else:
        run = load_mattersim(checkpoint).evaluate
    run(tiny)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run(frames)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def speed(rows: int, inner: int, columns: int, repeats: int) -> float:
    """Operations per second of this core's best product of these sizes, operands in its cache."""
    values, weight = torch.randn(rows, inner), torch.randn(columns, inner)
    linear(values, weight)
    return 2 * rows * inner * columns / min(seconds(lambda: linear(values, weight)) for _ in range(40 * repeats))


def floor(repeats: int) -> dict[str, float]:
    """The matrix products of an evaluation and of a training step at this core's speed, microseconds per bond.

    One pass through the network is per block two gated perceptrons of two branches and two layers of units x units on
    every bond: 3 x 2 x 4 products of 2 x 128^2 operations. An evaluation has two passes, energies and their gradient.
    A training step has six: these two, both differentiated again by what they start from (four passes over bonds x
    units in all), and both by the weights, whose products are sums over the bonds.
    """
    units = MODEL["units"]
    one_pass = MODEL["num_blocks"] * 2 * 4 * 2 * units**2
    over_units, over_bonds = speed(1024, units, units, repeats), speed(units, 1024, units, repeats)
    frame = sulfur_hydride(32, np.random.default_rng(0))
    return {
        "gflops": over_units / 1e9,
        "us_per_bond": 2e6 * one_pass / over_units,
        "bonds_per_atom": len(batch_frames([frame], 5.0, 4.0).first) / 32,
        "gflops_of_weights": over_bonds / 1e9,
        "training_mflop_per_bond": 6e-6 * one_pass,
        "training_us_per_bond": 4e6 * one_pass / over_units + 2e6 * one_pass / over_bonds,
    }


def write_table(results: dict[str, Any], path: Path) -> None:
    lines = [
        "| atoms x batch | stock calculator | stock batch | ours | gain over calculator | gain over batch |",
        "|---|---|---|---|---|---|",
    ]
    for row in results["evaluation"]:
        lines.append(
            f"| {row['atoms']}x{row['batch']} | {row['calculator_ms']:.0f} | {row['stock_batch_ms']:.0f} "
            f"| {row['ours_ms']:.1f} | {row['gain_over_calculator']:.1f} | {row['gain_over_batch']:.1f} |"
        )
    training, memory, floor = results["training"], results["memory_mb"], results["floor"]
    bare = 1e-3 * training["bonds"] * floor["training_us_per_bond"]
    lines += [
        "",
        f"Milliseconds of one core per structure. Median gain {results['median_gain_over_calculator']:.1f} over the "
        f"calculator, {results['median_gain_over_batch']:.1f} over the batch path (of at most {STOCK_ATOMS} atoms).",
        f"Training step: {training['stock_ms']:.0f} -> {training['ours_ms']:.0f} ms per configuration of "
        f"{training['atoms']} atoms, gain {training['gain']:.1f}.",
        f"Peak memory of 64 atoms: {memory['stock']:.0f} -> {memory['ours']:.0f} MB.",
        f"Floor: matrix products alone take {floor['us_per_bond']:.1f} us per bond at {floor['gflops']:.0f} GFLOP/s, "
        f"{floor['bonds_per_atom']:.0f} bonds per atom.",
        f"Floor of a training step: {floor['training_mflop_per_bond']:.1f} million operations per bond, {bare:.0f} ms "
        f"per configuration at {floor['gflops']:.0f} GFLOP/s (weights: {floor['gflops_of_weights']:.0f}), "
        f"{100 * bare / training['ours_ms']:.0f} % of the step; with nothing else in it the gain would be "
        f"{training['stock_ms'] / bare:.0f}.",
        f"Load average {results['load'][0]:.1f} on {os.cpu_count()} cores.",
    ]
    for name, shares in results["profile"].items():
        parts = ", ".join(f"{key} {100 * share:.0f} %" for key, share in shares.items())
        lines.append(f"Profile of {name}, four cells of 16 atoms: {parts}.")
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--atoms", type=int, nargs="+", choices=list(REPEATS))
    parser.add_argument("--batches", type=int, nargs="+")
    parser.add_argument("--training", action="store_true", help="the training step, its floor and the profiles alone")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.memory_of:
        report_memory(arguments.memory_of[0], Path(arguments.memory_of[1]))
        return
    stored = HERE / "results.json"
    results: dict[str, Any] = json.loads(stored.read_text()) if stored.is_file() else {"evaluation": []}
    results |= {"load": os.getloadavg(), "torch": torch.__version__}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "model.pth"
        make_checkpoint(checkpoint)
        everything = "training" not in results or not (arguments.atoms or arguments.batches or arguments.training)
        if everything:
            results["memory_mb"] = {method: peak_memory(checkpoint, method) for method in ("stock", "ours")}
        if everything or arguments.training:
            results["floor"] = floor(arguments.repeats)
            results["training"] = measure_training(arguments.repeats) | {"load": os.getloadavg()[0]}
            results["profile"] = profile(checkpoint)
        sizes, batches = arguments.atoms or list(REPEATS), arguments.batches or [1, 8, 32]
        rows = {(row["atoms"], row["batch"]): row for row in results["evaluation"]}
        if everything or not arguments.training:
            for row in measure_evaluation(checkpoint, sizes, batches, arguments.repeats):
                rows[row["atoms"], row["batch"]] = {**row, "repeats": arguments.repeats, "load": os.getloadavg()[0]}
    results["evaluation"] = [rows[key] for key in sorted(rows)]
    for name in ("calculator", "batch"):
        results[f"median_gain_over_{name}"] = median(row[f"gain_over_{name}"] for row in results["evaluation"])
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    write_table(results, HERE / "table.md")
    print((HERE / "table.md").read_text())


if __name__ == "__main__":
    main()
