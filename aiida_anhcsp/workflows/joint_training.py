"""One potential from the labels of searches at several pressures."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from aiida.engine import ToContext, WorkChain
from aiida.orm import Dict, ProcessNode, Str

from ..calculations.functions.datasets import merge_datasets
from ..data.population import PopulationData
from ..data.potential import PotentialData
from .finetune import FinetuneWorkChain, training_inputs
from .learning_settings import LearningSettings
from .names import has_structures, tag, training_name
from .settings import JointSettings
from .splits import split_seed_of
from .submission import call_once, failure, find_child, has_ended, submit_once


class JointTrainingSteps(WorkChain):
    """The steps of the joint training; what they need of the whole path is its searches, one for each pressure."""

    @property
    @abstractmethod
    def pressures(self) -> list[float]:
        """Pressures of the searches, GPa."""

    def children(self, step: str, pressures: list[float]) -> list[ProcessNode]:
        """Children of a step that came to structures with an enthalpy."""
        nodes = [find_child(self, f"{step}_{tag(pressure)}") for pressure in pressures]
        return [node for node in nodes if node is not None and has_structures(node)]

    @property
    def potential(self) -> PotentialData:
        """The best potential so far: learned from all labels, or in the first search."""
        for stage in range(self.trainings - 1, -1, -1):
            joint = find_child(self, training_name(stage))
            if joint is not None and "potential" in joint.outputs:
                return joint.outputs.potential
        return self.children("search", self.pressures)[0].outputs.potential

    @property
    def trainings(self) -> int:
        """Stages of the joint training; none where there are no labels of several pressures to be joined."""
        if "finetune" not in self.inputs or len(self.datasets()) < 2:
            return 0
        return len(JointSettings.parse(self.inputs.finetune.get_dict()).stages)

    def has_training(self) -> bool:
        """Whether a stage of the joint training is left; one that failed is the last."""
        done = [find_child(self, training_name(stage)) for stage in range(self.trainings)]
        ended = [node for node in done if node is not None and node.is_terminated]
        if ended and not ended[-1].is_finished_ok:
            self.report(failure(ended[-1]))
            return False
        return len(ended) < self.trainings

    def datasets(self) -> dict[str, PopulationData]:
        """All labels of the searches, by pressure."""
        nodes = self.children("search", self.pressures)
        return {node.label: node.outputs.dataset for node in nodes if "dataset" in node.outputs}

    def labels(self) -> PopulationData | None:
        """The labels of all searches together; None where there is none."""
        datasets = self.datasets()
        if len(datasets) > 1:
            merged: PopulationData = call_once(self, "dataset", merge_datasets, **datasets)
            return merged
        return next(iter(datasets.values()), None)

    def finetune(self) -> ToContext:
        """Submit the next training on the labels of all pressures."""
        dataset = self.labels()
        assert dataset is not None
        search, stage = self.inputs.search, 0
        while has_ended(self, training_name(stage)):
            stage += 1
        settings = JointSettings.parse(self.inputs.finetune.get_dict()).stages[stage].model_dump(exclude_none=True)
        if "learning" in search:
            settings["split"]["seed"] = split_seed_of(search)
        inputs = {
            **training_inputs(search),
            "dataset": dataset,
            **self.start_of(stage),
            "settings": Dict(settings),
        }
        node = submit_once(self, training_name(stage), FinetuneWorkChain, inputs)
        self.report(f"{node.process_label}<{node.pk}> learns from {dataset.count} labels of all pressures")
        return ToContext(current=node)

    def start_of(self, stage: int) -> dict[str, Any]:
        """What a stage of the joint training begins with: what the stage before came to, or what the searches had."""
        search = self.inputs.search
        if stage:
            return {"potential": self.potential}
        if "potential" in search:
            return {"potential": search.potential}
        return {"new": Str(LearningSettings.parse(search.learning.settings.get_dict()).new)}
