"""The examination of a potential as a whole: the checks, a small SSCHA, a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ase import Atoms

from ..frames import write_frames
from ..search.distort import distort
from .beginning import read_structure
from .reports import Finding
from .run import LOG_FILE, run_sscha
from .settings import Minimisation, SschaSettings, parse_stages
from .worker import PotentialChoice, Worker, WorkerError

MOST_POPULATIONS = 12


def qualify(
    structure: Path,
    outdir: Path,
    choice: PotentialChoice,
    pressure: float,
    number: int,
    configurations: int,
    seed: int,
) -> dict[str, Any]:
    """Examine a potential around a structure under pressure (GPa).

    :param number: random structures relaxed
    :param configurations: of the small SSCHA's ensembles
    :return: ``verdict`` (fit or unfit), ``checks`` and ``reasons``
    :raises InputError: bad structure, potential or numbers
    """
    stages = parse_stages(f"1x1x1:{configurations}", "--configurations")
    atoms, _ = read_structure(structure, 0.03)
    outdir.mkdir(parents=True, exist_ok=True)
    settings = SschaSettings(
        pressure=pressure,
        temperature=0.0,
        stages=stages,
        seed=seed,
        symmetry_tolerance=1e-3,
        minimisation=Minimisation(max_populations=MOST_POPULATIONS),
    )
    with Worker(choice, outdir / LOG_FILE) as worker:
        worker.run("check_potential", atoms)
        try:
            examination = worker.run("run_examination", atoms, pressure, number, seed)
            findings, relaxed = examination.findings, examination.relaxed
        except WorkerError as error:
            findings, relaxed = [Finding("examination", "broken off", str(error))], None
    if relaxed is not None:
        findings.append(small_sscha(relaxed, outdir / "sscha", choice, settings))
    reasons = [f"{finding.check}: {finding.reason}" for finding in findings if not finding.passed]
    return {
        "verdict": "unfit" if reasons else "fit",
        "reasons": reasons,
        "potential": choice.specification,
        "formula": atoms.get_chemical_formula(),
        "pressure": pressure,
        "seed": seed,
        "checks": [finding.document() for finding in findings],
    }


def small_sscha(relaxed: Atoms, outdir: Path, choice: PotentialChoice, settings: SschaSettings) -> Finding:
    """A distorted phase, without symmetry, relaxes on its free energy within a dozen populations."""
    (distorted,) = distort([relaxed], 1, amplitude=0.05, strain=0.01, seed=settings.seed)
    outdir.mkdir(parents=True, exist_ok=True)
    write_frames(outdir / "distorted.extxyz", [distorted])
    result = run_sscha(outdir / "distorted.extxyz", outdir, choice, settings)
    if "gibbs_free_energy" not in result:
        return Finding("small SSCHA", "broken off", result["reason"])
    measured = (
        f"G = {result['gibbs_free_energy']:.4f} +- {result['gibbs_free_energy_error']:.4f} eV/atom, "
        f"{result['stages'][0]['populations']} populations"
    )
    return Finding("small SSCHA", measured, "" if result["stages"][0]["converged"] else result["reason"])
