"""What a potential is to learn from: distorted structures, and old labels beside new ones."""

from __future__ import annotations

import numpy as np
from aiida.engine import calcfunction
from aiida.orm import Dict

from ...data.population import PopulationData
from ...engine.search.distort import distort
from ...engine.search.select import select_random


@calcfunction
def select_and_distort(population: PopulationData, settings: Dict) -> PopulationData:
    """Distorted copies of relaxed structures picked at random, to be labelled.

    :param settings: ``number`` of structures, ``distortions`` of each, ``amplitude`` (angstrom, default 0.05),
        ``strain`` (default 0.05), ``seed``, and ``round``, which the copies carry
    """
    keys = settings.get_dict()
    chosen = select_random(population.get_frames(), keys["number"], keys["seed"])
    copies = distort(
        chosen, keys["distortions"], keys.get("amplitude", 0.05), keys.get("strain", 0.05), seed=keys["seed"]
    )
    for frame in copies:
        frame.info["round"] = int(keys["round"])
    return PopulationData.from_frames(copies)


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
