"""Labels that jobs brought back, joined to the structures they belong to."""

from __future__ import annotations

import io
import json
from typing import Any

from aiida.engine import calcfunction
from aiida.orm import Dict, Float, SinglefileData
from ase import Atoms
from ase.io import read

from ...data.population import PopulationData
from ...data.potential import PotentialData
from ...engine.frames import labelled_enthalpy
from ...engine.labels import join_labels, settings_hash
from ...engine.learning.dataset import dealt, trained_on
from ...engine.learning.settings import Split
from ...engine.sscha.lattice import spacegroup

SYMPREC = 0.05
"""angstrom; for geometries relaxed by DFT."""


@calcfunction
def write_json(settings: Dict) -> SinglefileData:
    """Settings as the file ``settings.json`` that a label script reads."""
    return SinglefileData.from_string(json.dumps(settings.get_dict(), sort_keys=True), "settings.json")


@calcfunction
def take_frames(population: PopulationData, part: Dict) -> PopulationData:
    """The frames from index ``start`` up to, and without, ``stop``."""
    return PopulationData.from_frames(population.get_frames()[part["start"] : part["stop"]])


@calcfunction
def split_labels(labelled: PopulationData, settings: Dict, **earlier: PopulationData) -> PopulationData:
    """The same labelled frames, each marked with the part of the split it is in for good (see :func:`dealt`).

    :param settings: ``validation`` and ``test`` (fractions), ``seed``
    :param earlier: labels marked before; those without ``round`` are not of this run and count for nothing
    """
    keys = settings.get_dict()
    frames = [frame for name in sorted(earlier) for frame in earlier[name].get_frames()]
    known = [frame for frame in frames if "round" in frame.info]
    return PopulationData.from_frames(dealt(labelled.get_frames(), known, Split(**keys), keys["seed"]))


@calcfunction
def learned_before(dataset: PopulationData, settings: Dict) -> PopulationData:
    """What a potential knew before a run of its own, told apart from that run's labels (see :func:`trained_on`).

    :param settings: ``seed`` of the run's split
    """
    return PopulationData.from_frames(trained_on(dataset.get_frames(), settings["seed"]))


@calcfunction
def collect_gpaw(
    population: PopulationData, settings: Dict, jobs: Dict, **labels: SinglefileData
) -> dict[str, PopulationData | Dict]:
    """Labels from the files of GPAW jobs (see :mod:`aiida_anhcsp.workflows.gpaw_frames`), even unfinished ones.

    :param settings: all settings of the labels
    :param jobs: by job: ``start`` and ``stop`` (its frames) and, where it failed, ``failure``
    :param labels: by job: extended XYZ with ``index`` and ``status``
    :return: ``population`` (labelled structures in order; absent if there is none) and ``report``
    """
    results = {
        int(frame.info["index"]): frame
        for file in labels.values()
        for frame in complete_frames(file.get_content(mode="r"))
    }
    return labelled_population(population, results, jobs, "gpaw", settings.get_dict())


@calcfunction
def collect_evaluated(
    population: PopulationData, potential: PotentialData, jobs: Dict, **labels: PopulationData
) -> dict[str, PopulationData | Dict]:
    """Labels from evaluations with a reference potential.

    :param potential: what the labels were computed with
    :param jobs: by job: ``start`` and ``stop`` (its frames) and, where it failed, ``failure``
    :param labels: by job: the evaluated frames
    :return: ``population`` (labelled structures in order; absent if there is none) and ``report``
    """
    keys = jobs.get_dict()
    results = {
        index: frame
        for name, evaluated in labels.items()
        for index, frame in enumerate(evaluated.get_frames(), start=keys[name]["start"])
    }
    settings = {"sha256": potential.base.attributes.get("sha256")}
    return labelled_population(population, results, jobs, "ase", settings)


@calcfunction
def collect_relaxed(
    population: PopulationData, settings: Dict, pressure: Float, jobs: Dict, **results: SinglefileData
) -> dict[str, PopulationData | Dict]:
    """Relaxed structures from the files of DFT jobs (see :mod:`aiida_anhcsp.workflows.gpaw_frames`).

    :param settings: all settings of the DFT code
    :param pressure: GPa
    :param jobs: by job: ``start`` and ``stop`` (its frames) and, where it failed, ``failure``
    :param results: by job: extended XYZ with ``index``, ``status`` and ``steps``
    :return: ``population`` (structures that were relaxed, in order; absent if there is none) and ``report``
    """
    ends = {
        int(frame.info["index"]): frame
        for file in results.values()
        for frame in complete_frames(file.get_content(mode="r"))
    }
    return relaxed_population(population, ends, jobs, "gpaw", settings.get_dict(), pressure.value)


def relaxed_population(
    population: PopulationData,
    ends: dict[int, Atoms],
    jobs: Dict,
    origin: str,
    settings: dict[str, Any],
    pressure: float,
) -> dict[str, PopulationData | Dict]:
    """Outputs of a DFT relaxation: ``population`` (absent if nothing was relaxed) and ``report``.

    :param ends: relaxed (with ``status``, ``steps`` and labels) or failed frames by index
    :param jobs: by job: ``start`` and ``stop`` (its frames) and, where it failed, ``failure``
    :param origin: the code the relaxations come from
    :param settings: all settings of the code
    :param pressure: GPa
    """
    frames = population.get_frames()
    for index, end in ends.items():
        frames[index].set_cell(end.cell)
        frames[index].set_positions(end.positions)
        frames[index].info.update({"pressure": pressure, "steps": end.info.get("steps")})
    digest = settings_hash(origin, settings)
    relaxed, failed = join_labels(frames, ends, _failures(jobs), origin, digest)
    for frame in relaxed:
        frame.info.update(enthalpy=labelled_enthalpy(frame, pressure), spacegroup=spacegroup(frame, SYMPREC))
    report = Dict({"relaxed": len(relaxed), "failed": failed, "label_origin": origin, "label_settings": digest})
    return {"population": PopulationData.from_frames(relaxed), "report": report} if relaxed else {"report": report}


def labelled_population(
    population: PopulationData, results: dict[int, Atoms], jobs: Dict, origin: str, settings: dict[str, Any]
) -> dict[str, PopulationData | Dict]:
    """Outputs of a label work chain: ``population`` (absent if nothing was labelled) and ``report``.

    :param results: labelled or failed frames by index
    :param jobs: by job: ``start`` and ``stop`` (its frames) and, where it failed, ``failure``
    :param origin: the code the labels come from
    :param settings: all settings of the labels
    """
    digest = settings_hash(origin, settings)
    labelled, failed = join_labels(population.get_frames(), results, _failures(jobs), origin, digest)
    report = Dict({"labelled": len(labelled), "failed": failed, "label_origin": origin, "label_settings": digest})
    return {"population": PopulationData.from_frames(labelled), "report": report} if labelled else {"report": report}


def same_settings(one: PopulationData, other: PopulationData) -> bool:
    """Whether labels may be mixed."""
    first, second = (node.base.attributes.get("label_settings", []) for node in (one, other))
    return bool(first == second)


def _failures(jobs: Dict) -> dict[int, str]:
    return {
        index: job["failure"]
        for job in jobs.get_dict().values()
        if "failure" in job
        for index in range(job["start"], job["stop"])
    }


def complete_frames(text: str) -> list[Atoms]:
    """Frames of an extended XYZ file, without the one that was being written when its job was killed."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    end = 0
    while end < len(lines) and end + int(lines[end]) + 2 <= len(lines):
        end += int(lines[end]) + 2
    return list(read(io.StringIO("".join(lines[:end])), index=":", format="extxyz")) if end else []
