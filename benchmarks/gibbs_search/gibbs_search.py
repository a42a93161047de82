"""A small search of H3S by Gibbs free energy, with the bundled mini model: what ended on top, and what it cost.

    python benchmarks/gibbs_search/gibbs_search.py

Two generations of six structures of four atoms at 130 GPa and 0 K, each relaxed at rest and taken through SSCHA at
Gamma only: enough to show the path, far from enough to trust the free energies. Runs in a profile that lives in memory
and writes ``gibbs_search.json`` beside this script.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aiida import load_profile
from aiida.engine import run_get_node
from aiida.orm import Computer, Dict, InstalledCode, ProcessNode
from aiida.plugins import DataFactory, WorkflowFactory
from aiida.storage.sqlite_temp import SqliteTempBackend

from aiida_anhcsp.report.ranking import population_rows, ranking_table

MODEL = "mattersim:mini-H-S"
SEARCH: dict[str, Any] = {
    "formula": "H3S",
    "pressure": 130.0,
    "population": 6,
    "generations": 2,
    "seed": 1,
    "fitness": "gibbs",
    "relax": {"fmax": 0.02, "max_steps": 300},
}
SSCHA: dict[str, Any] = {"temperature": 0.0, "stages": ["1x1x1:20", "1x1x1:40"], "seed": 1, "repeats": 0, "window": 0.1}


def search(folder: Path) -> tuple[dict[str, Any], ProcessNode]:
    """Outputs of the search and its node."""
    options = {"runner.poll.interval": 1}
    load_profile(SqliteTempBackend.create_profile("gibbs", filepath=str(folder / "repository"), options=options))
    computer = Computer("localhost", "localhost", transport_type="core.local", scheduler_type="core.direct")
    computer.set_workdir(str(folder / "work"))
    computer.set_default_mpiprocs_per_machine(1)
    computer.set_minimum_job_poll_interval(0.5)
    computer.store().configure(safe_interval=0.0, use_login_shell=False)
    engine = Path(sys.executable).with_name("anhcsp-engine")
    return run_get_node(
        WorkflowFactory("anhcsp.search"),
        code=InstalledCode(computer, str(engine), label="anhcsp-engine"),
        potential=DataFactory("anhcsp.potential").from_specification(MODEL),
        settings=Dict(SEARCH),
        sscha={"settings": Dict(SSCHA), "max_concurrent": 1},
    )


def main() -> None:
    """Search, count, write."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outputs, node = search(Path(folder))
        if not node.is_finished_ok:
            raise SystemExit(f"the search failed: {node.exit_message}")
        rows = population_rows(outputs["population"])
        runs = [child for child in node.called if child.process_label == "SschaWorkChain"]
        jobs = [job for run in runs for job in run.called if job.process_label == "SschaCalculation"]
        history = outputs["history"]["generations"]
    result = {
        "potential": MODEL,
        "search": SEARCH,
        "sscha": SSCHA,
        "ranking": rows,
        "history": history,
        "sscha_runs": len(runs),
        "sscha_jobs": len(jobs),
        "wall_seconds": time.monotonic() - began,
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    print(ranking_table(rows))


if __name__ == "__main__":
    main()
