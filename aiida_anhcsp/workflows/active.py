"""A potential learned for the SSCHA of one structure, from nothing or from a library, and that SSCHA."""

from __future__ import annotations

from typing import Any

from aiida.engine import ExitCode, ProcessSpec, ToContext, WorkChain, if_, while_
from aiida.orm import Dict, Node, ProcessNode, Str, StructureData, load_node
from aiida.plugins import WorkflowFactory

from ..calculations.functions.active import active_report, as_old_knowledge, choose_unknown, distorted_structure
from ..calculations.functions.datasets import merge_datasets
from ..calculations.functions.labels import same_settings, split_labels
from ..calculations.grade import GradeCalculation
from ..calculations.sscha import SschaCalculation
from ..data.dynamical_matrices import DynamicalMatricesData
from ..data.population import PopulationData
from ..data.potential import PotentialData
from ..engine.learning.metrics import forgotten, old_errors
from ..engine.learning.settings import TrainSettings
from .active_ports import define_active, validate_together
from .finetune import FinetuneWorkChain, training_inputs
from .ports import engine_inputs, plain
from .protocols.studies import ActiveProtocol
from .settings import ActiveSettings, derived_seed
from .sscha import SschaWorkChain
from .submission import call_once, failure, find_child, submit_once


class ActiveSschaWorkChain(ActiveProtocol, WorkChain):
    """Learn a potential for one structure while sampling it, then relax the structure on its free energy.

    Strategy 1 of the LaH10 study starts from nothing: label a few distortions, train, sample an SSCHA ensemble, grade
    it, label what extrapolates, train again, until an ensemble adds nothing. With a ``library`` (strategy 3) the
    potential that finds fewest of the distortions unknown is retrained; what it knew before is checked on held-out
    structures, and where that gets worse the learning starts afresh.
    """

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        spec.input("structure", valid_type=StructureData, help="Structure to start from, relaxed at the pressure.")
        define_active(spec)
        spec.inputs.validator = validate_together
        spec.outline(
            cls.setup,
            while_(cls.should_learn)(
                cls.sample,
                cls.grade,
                cls.choose,
                if_(cls.is_unknown)(cls.label, cls.train, cls.judge, cls.take),
            ),
            cls.sscha,
            cls.results,
        )
        spec.output("result", valid_type=Dict, help="Of the final SSCHA, as of anhcsp.sscha.")
        spec.output("structure", valid_type=StructureData, required=False, help="Final cell and centroids.")
        spec.output("dynamical_matrices", valid_type=DynamicalMatricesData, required=False, help="The final state.")
        spec.output("audit", valid_type=PopulationData, required=False, help="The independent ensemble, to correct.")
        spec.output("potential", valid_type=PotentialData, help="The potential it was done with.")
        spec.output("dataset", valid_type=PopulationData, help="All structures the potential was trained on.")
        spec.output(
            "report",
            valid_type=Dict,
            help="rounds (sampled, unknown, labelled), labels, mlip_calls, mlip_calls_per_label, library, fresh, "
            "held_out (errors of a reused potential on what it knew, before and after), complete.",
        )
        spec.exit_code(401, "ERROR_SUB_PROCESS_FAILED_LABEL", message="There are no labels to learn from: {reason}")
        spec.exit_code(402, "ERROR_SUB_PROCESS_FAILED_TRAIN", message="No potential: {reason}")
        spec.exit_code(403, "ERROR_SUB_PROCESS_FAILED_SSCHA", message="The final SSCHA failed: {reason}")

    def setup(self) -> None:
        """Nothing is known yet; ctx holds numbers, PKs and names."""
        self.ctx.round = -1
        self.ctx.complete = False
        self.ctx.potential = None
        self.ctx.dataset = None
        self.ctx.own = None
        self.ctx.member = None
        self.ctx.fresh = False
        self.ctx.held_out = {}
        self.ctx.rounds = []

    @property
    def settings(self) -> ActiveSettings:
        """The validated settings."""
        return ActiveSettings.parse(self.inputs.settings.get_dict())

    def label_of(self, step: str) -> str:
        """Call link label of this round's child for a step: ``round_03_label``."""
        return f"round_{self.ctx.round:02d}_{step}"

    def should_learn(self) -> bool:
        """Whether another ensemble is sampled."""
        if self.ctx.complete or self.ctx.round + 1 > self.settings.rounds:
            return False
        self.ctx.round += 1
        return True

    def sample(self) -> ToContext | None:
        """Submit an SSCHA run with the potential so far; without one there are distortions."""
        if self.ctx.potential is None:
            return None
        settings = self.settings
        inputs: dict[str, Any] = {
            **engine_inputs(self.inputs, SschaCalculation),
            "structure": self.inputs.structure,
            "potential": load_node(self.ctx.potential),
            "settings": Dict(
                {
                    "pressure": settings.pressure,
                    "temperature": settings.temperature,
                    "stages": [str(settings.sampled)],
                    "seed": derived_seed(settings.seed, self.ctx.round, 1),
                    "fixed_cell": settings.fixed_cell,
                }
            ),
        }
        return ToContext(current=submit_once(self, self.label_of("sample"), SschaCalculation, inputs))

    def sampled(self) -> PopulationData:
        """What is graded in this round: the ensemble of its SSCHA, or distortions where there is none."""
        node = find_child(self, self.label_of("sample"))
        if node is not None and "audit" in node.outputs:
            return node.outputs.audit
        settings = self.settings
        keys = {
            "supercell": list(settings.sampled.supercell),
            "number": settings.first if self.ctx.round == 0 else settings.sampled.configurations,
            "amplitude": settings.amplitude,
            "strain": settings.strain,
            "seed": derived_seed(settings.seed, self.ctx.round, 2),
            "round": self.ctx.round,
        }
        population: PopulationData = call_once(
            self, self.label_of("distort"), distorted_structure, structure=self.inputs.structure, settings=Dict(keys)
        )
        return population

    def grade(self) -> ToContext | None:
        """Submit the grading by the potential so far; in round 0 by every potential of the library."""
        if self.ctx.potential is not None:
            known = {"grade": (load_node(self.ctx.potential), load_node(self.ctx.dataset))}
        elif self.ctx.round == 0:
            members = sorted(self.inputs.get("library", {}).items())
            known = {f"grade_{name}": (entry["potential"], entry["dataset"]) for name, entry in members}
        else:
            known = {}
        population = self.sampled()
        nodes = {}
        for step, (potential, dataset) in known.items():
            inputs = {
                **engine_inputs(self.inputs, GradeCalculation),
                "population": population,
                "potential": potential,
                "training": dataset,
            }
            nodes[step] = submit_once(self, self.label_of(step), GradeCalculation, inputs)
        return ToContext(**nodes)

    def choose(self) -> None:
        """Take from the library what knows most, and pick what it does not know."""
        settings, population = self.settings, self.sampled()
        sample = find_child(self, self.label_of("sample"))
        if sample is not None and "audit" not in sample.outputs:
            self.report(f"round {self.ctx.round}: distortions instead of an ensemble, {failure(sample)}")
        number = settings.first if self.ctx.potential is None else settings.batch
        graded = find_child(self, self.label_of("grade"))
        if self.ctx.round == 0:
            graded = self.best_of_library()
        if graded is not None and "population" in graded.outputs:
            population = graded.outputs.population
        elif graded is not None:
            self.report(f"round {self.ctx.round}: not graded, picked at random: {failure(graded)}")
        keys = {
            "threshold": settings.threshold,
            "number": number,
            "seed": derived_seed(settings.seed, self.ctx.round, 3),
            "round": self.ctx.round + 1,
        }
        unknown = call_once(self, self.label_of("choose"), choose_unknown, sampled=population, settings=Dict(keys))
        self.ctx.unknown = unknown.pk if isinstance(unknown, PopulationData) else None
        grades = [float(frame.info["grade"]) for frame in population.get_frames() if "grade" in frame.info]
        entry: dict[str, Any] = {"sampled": population.count, "labelled": 0}
        entry["unknown"] = sum(grade > settings.threshold for grade in grades) if grades else population.count
        if grades:
            entry["largest_grade"] = max(grades)
        self.ctx.rounds = [*self.ctx.rounds, entry]
        self.ctx.complete = self.ctx.unknown is None and sample is not None and "audit" in sample.outputs
        self.report(f"round {self.ctx.round}: {entry['unknown']} of {entry['sampled']} sampled structures are unknown")

    def best_of_library(self) -> ProcessNode | None:
        """The grading by the potential of the library that finds the fewest unknown structures, which is taken."""
        best: tuple[int, str, ProcessNode] | None = None
        for name in sorted(self.inputs.get("library", {})):
            node = find_child(self, self.label_of(f"grade_{name}"))
            if node is None or "population" not in node.outputs:
                continue
            frames = node.outputs.population.get_frames()
            unknown = sum(frame.info.get("grade", float("inf")) > self.settings.threshold for frame in frames)
            self.report(f"library: {name} does not know {unknown} of {len(frames)} structures")
            if best is None or unknown < best[0]:
                best = (unknown, name, node)
        if best is None:
            return None
        _, self.ctx.member, node = best
        member = self.inputs.library[self.ctx.member]
        self.ctx.potential = member["potential"].pk
        old = call_once(self, "library", as_old_knowledge, dataset=member["dataset"], settings=self.split())
        self.ctx.dataset = old.pk
        return node

    def is_unknown(self) -> bool:
        """Whether there is anything to label."""
        return self.ctx.unknown is not None

    def label(self) -> ToContext:
        """Submit the labelling."""
        inputs = {**plain(self.inputs.get("label", {})), "population": load_node(self.ctx.unknown)}
        engine = WorkflowFactory(self.inputs.label_engine.value)
        return ToContext(current=submit_once(self, self.label_of("label"), engine, inputs))

    def train(self) -> ToContext | ExitCode:
        """Submit the training on everything that is labelled."""
        node = find_child(self, self.label_of("label"))
        if node is None or "population" not in node.outputs:
            reason = "nothing was labelled" if node is None else failure(node)
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_LABEL.format(reason=reason)
        labelled = node.outputs.population
        if self.ctx.member is not None and not same_settings(labelled, load_node(self.ctx.dataset)):
            reason = f"the labels of {self.ctx.member} in the library are of other settings; leave it out"
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_LABEL.format(reason=reason)
        self.ctx.rounds = [*self.ctx.rounds[:-1], {**self.ctx.rounds[-1], "labelled": labelled.count}]
        known = {} if self.ctx.dataset is None else {"earlier": load_node(self.ctx.dataset)}
        labelled = call_once(
            self, self.label_of("split"), split_labels, labelled=labelled, settings=self.split(), **known
        )
        self.ctx.own = self.joined("own", self.ctx.own, labelled)
        self.ctx.dataset = self.joined("dataset", self.ctx.dataset, labelled)
        return ToContext(current=self.submit_training("train", self.ctx.dataset, self.ctx.potential))

    def judge(self) -> ToContext | ExitCode | None:
        """Where a potential of the library forgot what it knew, submit the training of a new one on the own labels."""
        node = find_child(self, self.label_of("train"))
        if node is None or "potential" not in node.outputs:
            reason = "it was not trained" if node is None else failure(node)
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_TRAIN.format(reason=reason)
        if self.ctx.member is None or self.ctx.fresh:
            return None
        first, last = self.first_metrics(), node.outputs.metrics.get_dict()
        self.ctx.held_out = {"before": old_errors(first, "before"), "after": old_errors(last, "after")}
        worse = forgotten(first, last, self.settings.worsening)
        if worse is None:
            return None
        self.report(f"round {self.ctx.round}: {self.ctx.member} forgets, {worse}; learning starts afresh")
        self.ctx.fresh, self.ctx.dataset = True, self.ctx.own
        return ToContext(current=self.submit_training("train_afresh", self.ctx.own, None))

    def first_metrics(self) -> dict[str, Any]:
        """Of the first retraining of the library's potential, which tell what that knew before."""
        nodes = (find_child(self, f"round_{number:02d}_train") for number in range(self.ctx.round + 1))
        return dict(next(filter(None, nodes)).outputs.metrics.get_dict())

    def take(self) -> ExitCode | None:
        """Go on with the new potential."""
        node = find_child(self, self.label_of("train_afresh")) or find_child(self, self.label_of("train"))
        assert node is not None
        if "potential" not in node.outputs:
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_TRAIN.format(reason=failure(node))
        self.ctx.potential = node.outputs.potential.pk
        errors = node.outputs.metrics.get_dict()["after"]["train"]
        self.report(
            f"round {self.ctx.round}: learned from {load_node(self.ctx.dataset).count} structures, "
            f"{errors['energy']:.1f} meV/atom, {errors['force']:.0f} meV/angstrom"
        )
        return None

    def joined(self, name: str, old: int | None, labelled: PopulationData) -> int:
        """PK of the old labels together with the new ones."""
        if old is None:
            return int(labelled.pk)
        merged = call_once(self, self.label_of(name), merge_datasets, earlier=load_node(old), latest=labelled)
        return int(merged.pk)

    @property
    def training(self) -> dict[str, Any]:
        """Settings of every training."""
        return {"seed": self.settings.seed, "split": {"validation": 0.0}, **self.settings.train}

    def split(self) -> Dict:
        """How labels are split, for all rounds: what is held out once stays held out."""
        settings = TrainSettings.parse(self.training)
        return Dict({**settings.split.model_dump(), "seed": settings.split_seed})

    def submit_training(self, step: str, dataset: int, potential: int | None) -> ProcessNode:
        """Submit a training, from the potential so far or from nothing."""
        start = {"new": Str(self.settings.new)} if potential is None else {"potential": load_node(potential)}
        inputs = {
            **training_inputs(self.inputs),
            **start,
            "dataset": load_node(dataset),
            "settings": Dict(self.training),
        }
        return submit_once(self, self.label_of(step), FinetuneWorkChain, inputs)

    def sscha(self) -> ToContext:
        """Submit the final SSCHA."""
        if not self.ctx.complete:
            self.report(f"after {self.settings.rounds} rounds there is still something unknown")
        inputs = {
            **engine_inputs(self.inputs, SschaWorkChain),
            "structure": self.inputs.structure,
            "potential": load_node(self.ctx.potential),
            "settings": Dict(self.settings.sscha()),
        }
        return ToContext(current=submit_once(self, "sscha", SschaWorkChain, inputs))

    def results(self) -> ExitCode | None:
        """Hand out the free energy, the potential with what it learned, and what that cost."""
        node = find_child(self, "sscha")
        assert node is not None
        nodes: dict[str, Node] = {}
        for number in range(self.ctx.round + 1):
            sample = find_child(self, f"round_{number:02d}_sample")
            if sample is not None and "result" in sample.outputs:
                nodes[f"sample_{number:02d}"] = sample.outputs.result
        if "result" in node.outputs:
            nodes["final"] = node.outputs.result
        plan = {name: self.ctx[name] for name in ("rounds", "complete", "fresh")}
        if self.ctx.member is not None:
            plan |= {"library": self.ctx.member, "held_out": self.ctx.held_out}
        report = call_once(self, "report", active_report, plan=Dict(plan), **nodes)
        for name in ("result", "structure", "dynamical_matrices", "audit"):
            if name in node.outputs:
                self.out(name, node.outputs[name])
        self.out("potential", load_node(self.ctx.potential))
        self.out("dataset", load_node(self.ctx.dataset))
        self.out("report", report)
        cost = report.get_dict()
        self.report(f"{cost['labels']} labels, {cost['mlip_calls']} calls of the potential")
        if not node.is_finished_ok:
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_SSCHA.format(reason=failure(node))
        return None
