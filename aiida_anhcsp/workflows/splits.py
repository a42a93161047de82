"""One split of the labels for searches at several pressures and for the trainings that follow them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine.learning.settings import TrainSettings
from ..engine.search.settings import SearchSettings
from .learning_settings import LearningSettings
from .settings import JointSettings


def split_seed_of(search: Mapping[str, Any]) -> int:
    """The seed by which the searches split their labels, and have marked them for good."""
    keys = search["learning"]["settings"].get_dict() if "settings" in search["learning"] else {}
    seed = SearchSettings.parse(search["settings"].get_dict()).seed
    return TrainSettings.parse({"seed": seed, **LearningSettings.parse(keys).train}).split_seed


def split_problem(inputs: Mapping[str, Any]) -> str | None:
    """A stage of the joint training with a split of its own: it would train on what the searches tested on."""
    if "finetune" not in inputs or not inputs["search"].get("learning"):
        return None
    seed = split_seed_of(inputs["search"])
    for stage in JointSettings.parse(inputs["finetune"].get_dict()).stages:
        if stage.split.seed not in (None, seed):
            return (
                f"finetune: split.seed {stage.split.seed} is not that of the searches, {seed}, and would train on "
                "what they tested on; leave it out"
            )
    return None
