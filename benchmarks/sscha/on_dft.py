"""SSCHA of four-atom Im-3m H3S on GPAW: the three steps of ``examples/h3s_dft``, one after the other.

    scripts/profile.sh sqlite dft && .venv/bin/aiida-anhcsp -p dft setup
    .venv/bin/python -m benchmarks.sscha.on_dft --profile dft [--start PK]

A finetuned potential, SSCHA with it, then populations on DFT until a fresh one is at rest; ``--start`` goes on from an
SSCHA run made before. Run from the root of the repository with the daemon at work; writes ``on_dft.json``: free energy,
pressure and lattice constant by the potential and by each population on DFT, the labels, and the wall times.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from aiida import load_profile
from aiida.orm import ProcessNode, load_node

from aiida_anhcsp.cli.status import release_database

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/h3s_dft"
KEYS = ("gibbs_free_energy", "gibbs_free_energy_error", "pressure", "converged", "reason")


def launch(profile: str, command: str, **values: Any) -> ProcessNode:
    """Launch an input file of the example with other values at its top level, and wait until the run has ended."""
    name = {"finetune": "potential", "sscha": "sscha", "sscha_on_labels": "dft"}[command]
    document = {**yaml.safe_load((EXAMPLE / f"{name}.yaml").read_text()), **values}
    path = EXAMPLE / f"{name}_now.yaml"
    path.write_text(yaml.safe_dump(document))
    program = Path(sys.executable).with_name("aiida-anhcsp")
    try:
        answer = subprocess.run(
            [program, "-p", profile, "launch", command, path], check=True, capture_output=True, text=True
        )
    finally:
        path.unlink()
    found = re.search(r"PK (\d+)", answer.stdout)
    assert found is not None, answer.stdout
    node = load_node(int(found.group(1)))
    while not node.is_terminated:
        time.sleep(5)
        release_database()
    return node


def measured(result: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a result."""
    return {key: result[key] for key in KEYS if key in result}


def populations(node: ProcessNode) -> list[dict[str, Any]]:
    """What each population on DFT measured, in order."""
    steps = {child.label: child for child in node.called if child.label.startswith("step_")}
    rows = []
    for label, step in sorted(steps.items()):
        if "result" in step.outputs:
            frames = step.inputs.labels.get_frames()
            volume = frames[0].get_volume() / len(frames[0])
            row = {"step": label, "labels": len(frames), "volume": volume}
            rows.append(row | measured(step.outputs.result.get_dict()))
    return rows


def main(profile: str, start: int | None) -> None:
    """Run what is missing and write what came out."""
    load_profile(profile)
    if start is None:
        model = launch(profile, "finetune")
        assert model.is_finished_ok, model.exit_message
        sscha = launch(profile, "sscha", potential=model.outputs.potential.pk)
    else:
        sscha = load_node(start)
    assert sscha.is_finished_ok, sscha.exit_message
    began = time.monotonic()
    node = launch(profile, "sscha_on_labels", start=sscha.pk)
    document = {
        "potential": measured(sscha.outputs.result.get_dict()),
        "populations": populations(node),
        "exit_status": node.exit_status,
        "wall_s": round(time.monotonic() - began),
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", required=True)
    parser.add_argument("--start", type=int)
    arguments = parser.parse_args()
    main(arguments.profile, arguments.start)
