"""What a search learns in a generation: choose, label, train, and relax the best again."""

from __future__ import annotations

from typing import Any

from aiida.engine import ExitCode, ToContext, WorkChain
from aiida.orm import Dict, Float, ProcessNode, Str, load_node
from aiida.plugins import WorkflowFactory

from ..calculations.functions.history import change_on_new_labels, count_failed
from ..calculations.functions.labels import learned_before, same_settings, split_labels, take_frames
from ..calculations.functions.population import lowest_of, merge_populations
from ..calculations.functions.training import replay, select_and_distort
from ..calculations.grade import GradeCalculation
from ..data.population import PopulationData
from ..data.potential import PotentialData
from ..engine.learning.samplers import SAMPLERS
from ..engine.learning.settings import TrainSettings
from ..engine.search.rank import lowest
from ..engine.search.unphysical import STATUSES
from .finetune import FinetuneWorkChain, training_inputs
from .learning_settings import LearningSettings
from .names import INITIAL, generation_label
from .ports import engine_inputs, plain
from .progress import describe_change
from .settings import derived_seed
from .submission import call_once, failure, find_child, get_child, submit_once

LEAST_RELAXED = 0.1
"""Share of the survivors below which a new potential that relaxes no more of them is given up."""


class LearningSteps(WorkChain):
    """The steps of a search that learns; what they need of the search is its labels, its ranking and its context."""

    @property
    def learning(self) -> LearningSettings:
        """The validated settings of the learning."""
        return LearningSettings.parse(self.inputs.learning.settings.get_dict())

    def should_learn(self) -> bool:
        """Whether labels are wanted, and something to be labelled came out of this generation."""
        judged = self.child("judge").outputs.result
        if "learning" not in self.inputs or self.ctx.learned or self.rounds() == self.learning.max_rounds:
            return False
        limit = self.learning.unphysical_limit
        if limit is None:
            wanted = self.learning.unphysical > 0 or self.learning.sampler == "unphysical"
            return count_failed(judged) < judged.count or (wanted and count_unphysical(judged) > 0)
        ghosts = count_unphysical(load_node(self.ctx.population))
        self.report(f"generation {self.ctx.generation}: {ghosts} unphysical structures since the last learning")
        return ghosts >= limit

    @property
    def stage(self) -> str:
        """Where the search stands, to be read."""
        return "initial labels" if self.ctx.generation == INITIAL else f"generation {self.ctx.generation}"

    def guard(self) -> dict[str, Any]:
        """What a relaxation needs to end where the potential knows nothing, if that is wanted and can be told."""
        if "learning" not in self.inputs or self.learning.largest_grade is None:
            return {}
        known = self.known(self.ctx.generation + 1)
        grade = Float(self.learning.largest_grade)
        return {} if known is None else {"guard": {"training": known, "largest_grade": grade}}

    def rounds(self) -> int:
        """How often the potential has learned so far."""
        labels = (generation_label(number, "finetune") for number in range(self.ctx.generation))
        return sum(find_child(self, label) is not None for label in labels)

    def last_learned(self, end: int) -> int | None:
        """The last generation before ``end`` whose training came to a potential that was kept."""
        for generation in range(end - 1, INITIAL - 1, -1):
            node = find_child(self, generation_label(generation, "finetune"))
            if node is not None and node.is_finished_ok and not self.gave_up(generation):
                return generation
        return None

    def gave_up(self, generation: int) -> bool:
        """Whether the potential of a generation relaxed too few of the survivors to be kept."""
        ranked = find_child(self, generation_label(generation, "rank_again"))
        return ranked is None and find_child(self, generation_label(generation, "refresh")) is not None

    def known(self, end: int) -> PopulationData | None:
        """What the potential has learned in the generations before ``end``, and before the search."""
        generation = self.last_learned(end)
        if generation is not None:
            dataset: PopulationData = get_child(self, generation_label(generation, "dataset")).outputs.result
            return dataset
        return self.before()

    def before(self) -> PopulationData | None:
        """What the potential has learned before the search."""
        if "dataset" not in self.inputs.learning:
            return None
        settings = Dict({"seed": self.split["seed"]})
        dataset: PopulationData = call_once(
            self, "learned_before", learned_before, dataset=self.inputs.learning.dataset, settings=settings
        )
        return dataset

    @property
    def split(self) -> dict[str, Any]:
        """How labels are split, by one seed in all generations: what was tested on once is never trained on."""
        settings = TrainSettings.parse({"seed": self.settings.seed, **self.learning.train})
        return {**settings.split.model_dump(), "seed": settings.split_seed}

    def grade(self) -> ToContext | None:
        """Submit the grading of the new structures, where the sampler needs it and there is something to grade by."""
        if SAMPLERS[self.learning.sampler].measure is None:
            return None
        by: dict[str, Any] = {}
        if self.learning.sampler == "grade" and (known := self.known(self.ctx.generation)) is not None:
            by["training"] = known
        if self.learning.sampler == "committee" and self.committee():
            by["committee"] = {f"member_{number}": member for number, member in enumerate(self.committee(), start=1)}
        if not by:
            return None
        inputs = {
            **engine_inputs(self.inputs, GradeCalculation),
            **by,
            "population": self.child("judge").outputs.result,
            "potential": load_node(self.ctx.potential),
        }
        return ToContext(current=submit_once(self, self.label_of("grade"), GradeCalculation, inputs))

    def committee(self) -> list[PotentialData]:
        """The potentials that were trained beside the one of now."""
        for generation in range(self.ctx.generation - 1, INITIAL - 1, -1):
            trained = find_child(self, generation_label(generation, "finetune"))
            if trained is not None and not self.gave_up(generation):
                nodes = [
                    find_child(self, generation_label(generation, _training(number)))
                    for number in range(1, self.learning.trainings)
                ]
                return [node.outputs.potential for node in nodes if node is not None and "potential" in node.outputs]
        return []

    def select_and_distort(self) -> None:
        """Let the sampler pick structures and distort them."""
        learning = self.learning
        sampler, population = learning.sampler, self.child("judge").outputs.result
        graded = find_child(self, self.label_of("grade"))
        if sampler in ("lowest", "hull", "unphysical"):
            population = load_node(self.ctx.population)
        elif graded is not None and "population" in graded.outputs:
            population = graded.outputs.population
        elif SAMPLERS[sampler].measure is not None:
            reason = "nothing to judge by yet" if graded is None else failure(graded)
            self.report(f"generation {self.ctx.generation}: picked at random, {reason}")
            sampler = "random"
        selection = {
            "sampler": sampler,
            "threshold": learning.limit,
            "number": learning.number,
            "per_composition": learning.of_each,
            "distortions": learning.distortions,
            "amplitude": learning.amplitude,
            "strain": learning.strain,
            "unphysical": learning.unphysical,
            "seed": derived_seed(self.settings.seed, self.ctx.generation, 1),
            "round": self.ctx.generation,
        }
        distorted = call_once(
            self,
            self.label_of("select_and_distort"),
            select_and_distort,
            population=population,
            everything=load_node(self.ctx.population),
            settings=Dict(selection),
        )
        number = distorted.count if isinstance(distorted, PopulationData) else 0
        self.report(f"generation {self.ctx.generation}: {number} structures to label, picked by {sampler}")

    def label(self) -> ToContext | None:
        """Submit the labelling."""
        selected = self.child("select_and_distort")
        if "result" not in selected.outputs:
            return None
        engine = WorkflowFactory(self.inputs.learning.label_engine.value)
        inputs = {**plain(self.inputs.learning.get("label", {})), "population": selected.outputs.result}
        node = submit_once(self, self.label_of("label"), engine, inputs)
        self.report(f"{self.stage}: labels by {node.process_label}<{node.pk}>")
        return ToContext(current=node)

    def finetune(self) -> ToContext | ExitCode | None:
        """Submit the training on the new labels and some old ones."""
        node = find_child(self, self.label_of("label"))
        if node is None:
            return None
        if not node.is_finished_ok:
            rest = "too few labels" if "population" in node.outputs else "no labels, the old potential stays"
            self.report(f"{self.stage}: {rest}: {failure(node)}")
        if "population" not in node.outputs:
            return None
        labelled, known = node.outputs.population, self.known(self.ctx.generation)
        begun = self.rounds() or find_child(self, generation_label(INITIAL, "finetune")) is not None
        old = load_node(self.ctx.dataset) if begun else self.before()
        earlier = {} if old is None else {"dataset": old}
        if old is not None and not same_settings(labelled, old):
            if self.ctx.population is not None:
                self.results()
            return self.exit_codes.ERROR_LABELS_DO_NOT_MIX.format(reason=f"{node.process_label}<{node.pk}>")
        labelled = call_once(
            self, self.label_of("split"), split_labels, labelled=labelled, settings=Dict(self.split), **earlier
        )
        merged = call_once(self, self.label_of("dataset"), merge_populations, **earlier, labelled=labelled)
        self.ctx.dataset = merged.pk
        training = self.training_set(labelled, merged, known)
        nodes = [self.submit_training(number, training) for number in range(self.learning.trainings)]
        asked = self.child("select_and_distort").outputs.result.count
        self.report(
            f"{self.stage}: {labelled.count} of {asked} labels done; "
            f"{nodes[0].process_label}<{nodes[0].pk}> learns from {training.count} structures"
        )
        return ToContext(**{f"training_{number}": node for number, node in enumerate(nodes)})

    def training_set(
        self, labelled: PopulationData, everything: PopulationData, known: PopulationData | None
    ) -> PopulationData:
        """The new labels, those that a training that failed has left unlearned, and some that are known."""
        start = 0 if known is None else known.count
        if start + labelled.count < everything.count:
            part = Dict({"start": start, "stop": everything.count})
            labelled = call_once(self, self.label_of("unlearned"), take_frames, population=everything, part=part)
        if known is None:
            return labelled
        seed = derived_seed(self.settings.seed, self.ctx.generation, 2)
        number = Dict({"number": self.learning.replay, "seed": seed})
        training: PopulationData = call_once(
            self, self.label_of("replay"), replay, dataset=known, labelled=labelled, settings=number
        )
        return training

    def submit_training(self, number: int, training: PopulationData) -> ProcessNode:
        """Submit a training: number 0 is the potential's, the others, each by a split of its own, its committee's."""
        stream = (self.ctx.generation, 3, number) if number else (self.ctx.generation, 3)
        settings: dict[str, Any] = {"seed": derived_seed(self.settings.seed, *stream), **self.learning.train}
        focus = settings.pop("focus", None)
        # of the first, random structures few are low, and these few would be learned by heart
        if focus and self.ctx.generation != INITIAL:
            settings["focus"] = {"pressure": self.settings.pressure, **focus}
        if number == 0:
            settings["split"] = self.split
        inputs = {
            **training_inputs(self.inputs),
            "dataset": training,
            **self.start(),
            "settings": Dict(settings),
        }
        return submit_once(self, self.label_of(_training(number)), FinetuneWorkChain, inputs)

    def start(self) -> dict[str, Any]:
        """What a training begins with: the potential of now, or nothing."""
        if self.ctx.potential is None:
            return {"new": Str(self.learning.new)}
        return {"potential": load_node(self.ctx.potential)}

    def refresh(self) -> ToContext | ExitCode | None:
        """Relax the lowest distinct structures again with the new potential."""
        node = find_child(self, self.label_of("finetune"))
        if self.ctx.potential is None and (node is None or "potential" not in node.outputs):
            last = get_child(self, self.label_of("label")) if node is None else node
            return self.exit_codes.ERROR_NO_POTENTIAL.format(reason=failure(last))
        if node is None:
            return None
        if "potential" not in node.outputs:
            self.report(f"{self.stage}: the old potential stays: {failure(node)}")
            return None
        self.ctx.former, self.ctx.potential = self.ctx.potential, node.outputs.potential.pk
        self.report(
            f"{self.stage}: RMSE on the new labels "
            f"{describe_change(change_on_new_labels(node.outputs.metrics.get_dict(), self.ctx.generation))}"
        )
        if self.ctx.population is None or not lowest(load_node(self.ctx.population).get_frames(), 1):
            return None
        number = self.learning.survivors or self.settings.population
        survivors = call_once(
            self,
            self.label_of("survivors"),
            lowest_of,
            population=load_node(self.ctx.population),
            settings=Dict({"number": number}),
        )
        return ToContext(current=self.submit_relaxation("refresh", survivors))

    def rank_again(self) -> None:
        """Rank the structures that were relaxed again; the older enthalpies are another potential's.

        Where the new potential relaxed almost none of them it is given up, and the old one stays with its enthalpies.
        """
        node = find_child(self, self.label_of("refresh"))
        if node is None:
            return
        if "population" not in node.outputs:
            self.give_up_potential(failure(node))
            return
        judged = self.judge(node.outputs.population, self.label_of("judge_refreshed"))
        failed = count_failed(judged)
        relaxed = judged.count - failed
        if relaxed < LEAST_RELAXED * judged.count:
            self.give_up_potential(f"the new one relaxed {relaxed} of {judged.count} survivors")
            return
        self.ctx.population = None
        self.rank_all(judged, "rank_again")
        self.report(f"{self.stage}: {relaxed} distinct structures relaxed again, {failed} failed; {self.best_text()}")

    def give_up_potential(self, reason: str) -> None:
        """Go on with the potential of before and its enthalpies; the labels count as unlearned."""
        self.ctx.potential = self.ctx.former
        self.report(f"{self.stage}: the old potential and its structures stay: {reason}")


def count_unphysical(population: PopulationData) -> int:
    """Number of structures of a judged population that only a wrong potential makes."""
    statuses: dict[str, int] = population.base.attributes.get("statuses", {})
    return sum(number for status, number in statuses.items() if status in STATUSES)


def _training(number: int) -> str:
    return f"finetune_member_{number}" if number else "finetune"
