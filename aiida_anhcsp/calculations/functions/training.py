"""What a potential is to learn from: distorted structures, and old labels beside new ones."""

from __future__ import annotations

import numpy as np
from aiida.engine import ExitCode, calcfunction
from aiida.orm import Dict

from ...data.population import PopulationData
from ...engine.frames import bare
from ...engine.learning.samplers import SAMPLERS, HullSampler, UnphysicalSampler
from ...engine.search.distort import distort

NOTHING_TO_LABEL = ExitCode(410, "no structure is worth a label")


@calcfunction
def select_and_distort(settings: Dict, **populations: PopulationData) -> PopulationData | ExitCode:
    """Distorted copies of structures picked by a sampler, to be labelled, and unphysical structures as they are.

    :param settings: ``sampler`` (default ``random``) and its ``threshold`` or ``per_composition``, ``number`` of
        structures, ``distortions`` of each, ``amplitude`` (angstrom, default 0.05), ``strain`` (default 0.05),
        ``unphysical`` (how many of these, default 0), ``seed``, and ``round``, which the copies carry
    :param populations: ``population``, what the sampler picks from (relaxed, graded or ranked), and ``everything``,
        where unphysical structures are looked for; absent, there are none
    :return: the structures to label; exit code 410 where there are none
    """
    keys = settings.get_dict()
    number, seed = keys["number"], keys["seed"]
    kind = SAMPLERS[keys.get("sampler", "random")]
    options = {"per_composition": keys["per_composition"]} if issubclass(kind, HullSampler) else {}
    sampler = kind(number, seed, keys.get("threshold", 0.0), **options)
    chosen = sampler.choose(populations["population"].get_frames())
    frames = distort(chosen, keys["distortions"], keys.get("amplitude", 0.05), keys.get("strain", 0.05), seed=seed)
    if "everything" in populations:
        known = {frame.info["id"] for frame in chosen}
        ghosts = UnphysicalSampler(keys.get("unphysical", 0), seed).choose(populations["everything"].get_frames())
        frames += distort([ghost for ghost in ghosts if ghost.info["id"] not in known], 1, 0.0, 0.0, seed=seed)
    for frame in frames:
        frame.info["round"] = int(keys["round"])
    return PopulationData.from_frames(frames) if frames else NOTHING_TO_LABEL


@calcfunction
def random_to_label(population: PopulationData) -> PopulationData:
    """Random structures under names of their own, to be labelled before the first generation of a search.

    Their ``round`` is -1: that of the labels of generation 0 is 0.
    """
    frames = [bare(frame) for frame in population.get_frames()]
    for number, frame in enumerate(frames):
        frame.info = {"id": f"initial-{number:04d}", "operator": "random", "round": -1}
    return PopulationData.from_frames(frames)


@calcfunction
def replay(dataset: PopulationData, labelled: PopulationData, settings: Dict) -> PopulationData:
    """What a round trains on: old configurations picked at random, in their order, then all new ones.

    Replayed configurations keep the potential from forgetting; the H3S study replays 100 beside 100 new ones.

    :param settings: ``number`` of old configurations (all where there are fewer), ``seed``
    """
    old = dataset.get_frames()
    rng = np.random.default_rng(settings["seed"])
    chosen = np.sort(rng.choice(len(old), size=min(int(settings["number"]), len(old)), replace=False))
    return PopulationData.from_frames([*(old[index] for index in chosen), *labelled.get_frames()])
