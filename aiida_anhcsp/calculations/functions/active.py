"""What active learning of a potential for one structure does between its jobs."""

from __future__ import annotations

from typing import Any

from aiida.engine import ExitCode, calcfunction
from aiida.orm import Dict, StructureData

from ...data.population import PopulationData
from ...engine.frames import bare
from ...engine.learning.dataset import dealt, part_of
from ...engine.learning.samplers import GradeSampler, SschaSampler
from ...engine.learning.settings import Split
from ...engine.search.distort import distort

KNOWN = ExitCode(410, "nothing is outside what the potential knows")


@calcfunction
def distorted_structure(structure: StructureData, settings: Dict) -> PopulationData:
    """Distorted supercells of a structure, the first that a new potential learns.

    :param settings: ``supercell`` (three numbers), ``number``, ``amplitude`` (angstrom), ``strain``, ``seed``,
        ``round``
    """
    keys = settings.get_dict()
    frame = bare(structure.get_ase()).repeat(keys["supercell"])
    frame.info = {"id": f"r{keys['round']:02d}"}
    frames = distort([frame], keys["number"], keys["amplitude"], keys["strain"], seed=keys["seed"])
    for number, child in enumerate(frames):
        child.info |= {"id": f"r{keys['round']:02d}-{number:04d}", "operator": "sample", "round": keys["round"]}
        child.info.pop("parents")
    return PopulationData.from_frames(frames)


@calcfunction
def choose_unknown(sampled: PopulationData, settings: Dict) -> PopulationData | ExitCode:
    """Configurations to label: those of the largest grades, or some at random where none is graded.

    :param settings: ``threshold`` of the grade, ``number`` at most, ``seed``, ``round``
    :return: bare configurations with ids of their round; exit code 410 where all are known
    """
    keys = settings.get_dict()
    frames = sampled.get_frames()
    sampler = GradeSampler if any("grade" in frame.info for frame in frames) else SschaSampler
    chosen = sampler(keys["number"], keys["seed"], keys["threshold"]).choose(frames)
    unknown = []
    for number, frame in enumerate(chosen):
        child = bare(frame)
        child.info = {"id": f"r{keys['round']:02d}-{number:04d}", "operator": "sample", "round": keys["round"]}
        if "grade" in frame.info:
            child.info["grade"] = frame.info["grade"]
        unknown.append(child)
    return PopulationData.from_frames(unknown) if unknown else KNOWN


@calcfunction
def as_old_knowledge(dataset: PopulationData, settings: Dict) -> PopulationData:
    """The frames of a library's training set as round 0, with ids that no new frame has.

    What the trainings of the potential have held out, as a mark by the same seed tells, stays held out; the frames of
    a training set without such marks are dealt out here.

    :param settings: ``validation`` and ``test`` (fractions), ``seed`` of the split
    """
    keys = settings.get_dict()
    seed, frames = keys["seed"], dataset.get_frames()
    for number, frame in enumerate(frames):
        for key in ("id", "parents"):
            if key in frame.info:
                frame.info[key] = f"library-{frame.info[key]}"
        frame.info.setdefault("id", f"library-{number:04d}")
        frame.info["round"] = 0
    known = [frame for frame in frames if part_of(frame, seed) is not None]
    new = [frame for frame in frames if part_of(frame, seed) is None]
    marked = iter(dealt(new, known, Split(validation=keys["validation"], test=keys["test"]), seed))
    return PopulationData.from_frames(next(marked) if part_of(frame, seed) is None else frame for frame in frames)


@calcfunction
def active_report(**nodes: Any) -> Dict:
    """What the active learning cost and came to.

    :param nodes: ``plan`` (``rounds``, a list of ``sampled``, ``unknown``, ``labelled``, by round; ``library``,
        the member that was taken; ``fresh``, whether it was given up; ``complete``, whether the last ensemble added
        nothing), and the results of all SSCHA runs
    :return: the same, with ``labels``, ``mlip_calls`` and ``mlip_calls_per_label``
    """
    report: dict[str, Any] = nodes.pop("plan").get_dict()
    report["labels"] = sum(entry["labelled"] for entry in report["rounds"])
    report["mlip_calls"] = sum(int(node.get_dict().get("n_evaluations", 0)) for node in nodes.values())
    if report["labels"]:
        report["mlip_calls_per_label"] = report["mlip_calls"] / report["labels"]
    return Dict(report)
