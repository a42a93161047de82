"""The generation loop of crystal structure prediction, with the potential learned on the way."""

from __future__ import annotations

from aiida.engine import ExitCode, ProcessSpec, ToContext, if_, while_
from aiida.orm import Dict, Float, Node, ProcessNode, load_node

from ..calculations.functions.history import count_failed, search_history
from ..calculations.functions.hull import hull_of_labels
from ..calculations.functions.population import (
    add_seeds,
    judge_population,
    merge_populations,
    rank_population,
    symmetrise_lowest,
)
from ..data.population import PopulationData
from ..engine.search.loop import should_continue
from ..engine.search.rank import competes, lowest, unranked
from ..engine.search.settings import HULL_DISTANCE, SearchSettings
from ..engine.search.symmetrise import symmetrised
from .convergence import ConvergenceSteps
from .dft_finalists import DftRelaxSteps
from .gibbs import GibbsSteps
from .initial_labels import InitialLabelSteps
from .making import MakingSteps
from .names import INITIAL, generation_label
from .ports import engine_inputs
from .progress import hull_phases, knowledge, lowest_free_energy
from .protocols.builders import SearchProtocol
from .relax import RelaxWorkChain
from .search_ports import define_search
from .submission import call_once, failure, find_child, get_child, submit_once


class SearchWorkChain(SearchProtocol, MakingSteps, InitialLabelSteps, ConvergenceSteps, GibbsSteps, DftRelaxSteps):
    """Evolutionary search for the structures of lowest enthalpy, or Gibbs free energy, at a pressure.

    Each generation is varied from the ranked structures so far (the first is random), relaxed and ranked. With
    ``learning``, some of its relaxed structures are distorted, labelled and learned from; the lowest distinct
    structures are then relaxed again, so that all enthalpies that are compared come from one potential. With
    ``fitness: gibbs`` every relaxed structure goes on through SSCHA, and is ranked by its free energy.
    Without either, the result is that of ``anhcsp-engine search``, frame by frame.
    """

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        define_search(spec)
        spec.outline(
            cls.setup,
            if_(cls.begins_with_labels)(cls.draw_initial, cls.choose_initial, cls.label, cls.finetune, cls.refresh),
            while_(cls.should_evolve)(
                while_(cls.is_unmade)(cls.make),
                cls.relax,
                if_(cls.is_quantum)(
                    cls.plan_sscha,
                    while_(cls.has_waiting)(cls.sscha),
                    cls.take_free_energies,
                ),
                cls.rank,
                if_(cls.should_learn)(
                    cls.grade,
                    cls.select_and_distort,
                    cls.label,
                    cls.finetune,
                    cls.refresh,
                    cls.rank_again,
                    cls.judge_learning,
                ),
            ),
            if_(cls.should_symmetrise)(cls.relax_symmetrised, cls.rank_symmetrised),
            if_(cls.relaxes_by_dft)(cls.relax_by_dft),
            cls.results,
        )

    def setup(self) -> None:
        """Remember where the search stands: numbers and PKs only."""
        self.ctx.generation = INITIAL
        self.ctx.population = None
        self.ctx.potential = self.inputs.potential.pk if "potential" in self.inputs else None
        self.ctx.dataset = None
        self.ctx.learned = False
        self.ctx.settled = False
        if "learning" in self.inputs and "dataset" in self.inputs.learning:
            self.ctx.dataset = self.inputs.learning.dataset.pk

    @property
    def settings(self) -> SearchSettings:
        """The validated settings."""
        return SearchSettings.parse(self.inputs.settings.get_dict())

    def label_of(self, step: str) -> str:
        """Call link label of this generation's child for a step."""
        return generation_label(self.ctx.generation, step)

    def child(self, step: str) -> ProcessNode:
        """This generation's child for a step."""
        return get_child(self, self.label_of(step))

    def should_evolve(self) -> bool:
        """Whether another generation is made."""
        done = self.ctx.generation + 1
        frames = [] if self.ctx.population is None else load_node(self.ctx.population).get_frames()
        settings = self.settings
        relaxed = [self.relaxed_in(generation) for generation in range(done)]
        history = [knowledge(frames, generation, relaxed[generation], settings) for generation in range(done - 1)]
        if done:
            target = self.inputs.target.get_ase() if "target" in self.inputs else None
            history.append(knowledge(frames, done - 1, relaxed[-1], settings, target))
        if self.ctx.settled or not should_continue(self.beside_seeds(), history):
            self.report(f"the search ends after {done} generations")
            return False
        self.ctx.generation = done
        return True

    def relaxed_in(self, generation: int) -> int:
        """How many structures of a generation came to what ranks them, whether or not they are still there."""
        step = "free_energies" if "sscha" in self.inputs else "judge"
        node = get_child(self, generation_label(generation, step))
        settings = self.settings
        return sum(competes(frame, settings) for frame in node.outputs.result.get_frames())

    def relax(self) -> ToContext | ExitCode:
        """Submit the relaxation of the new structures."""
        born = self.making_jobs()[-1]
        if "population" not in born.outputs:
            code = "ERROR_SUB_PROCESS_FAILED_" + ("GENERATE" if self.is_first() else "VARY")
            return self.exit_with(getattr(self.exit_codes, code), born)
        population = born.outputs.population
        if self.is_first() and "seeds" in self.inputs:
            population = call_once(
                self,
                "add_seeds",
                add_seeds,
                population=population,
                seeds=self.inputs.seeds,
                settings=self.inputs.settings,
            )
        return ToContext(current=self.submit_relaxation("relax", population))

    def rank(self) -> ExitCode | None:
        """Rank the new structures among all others."""
        node = self.child("relax")
        if "population" not in node.outputs:
            return self.exit_with(self.exit_codes.ERROR_SUB_PROCESS_FAILED_RELAX, node)
        judged = self.judged()
        self.rank_all(load_node(self.ctx.free_energies) if self.is_quantum() else judged, "rank")
        failed = count_failed(judged)
        partial = "" if node.is_finished_ok else f" ({failure(node)})"
        self.report(
            f"generation {self.ctx.generation}: {judged.count - failed} relaxed, {failed} failed{partial}; "
            f"{self.best_text()}"
        )
        return None

    def judged(self) -> PopulationData:
        """The new structures, relaxed, without those that are unphysical."""
        return self.judge(self.child("relax").outputs.population, self.label_of("judge"))

    def judge(self, relaxed: PopulationData, label: str) -> PopulationData:
        """Relaxed structures without those that are unphysical."""
        population: PopulationData = call_once(
            self, label, judge_population, population=relaxed, settings=self.inputs.settings
        )
        return population

    def should_symmetrise(self) -> bool:
        """Whether a looser tolerance sees more symmetry in any of the lowest structures."""
        number = self.settings.symmetrise
        if self.ctx.population is None or not symmetrised(load_node(self.ctx.population).get_frames(), number):
            return False
        call_once(
            self,
            "symmetrise",
            symmetrise_lowest,
            population=load_node(self.ctx.population),
            settings=self.inputs.settings,
        )
        return True

    def relax_symmetrised(self) -> ToContext:
        """Submit the relaxation of the symmetrised copies."""
        copies = get_child(self, "symmetrise").outputs.result
        self.report(f"{copies.count} of the lowest structures symmetrised, to be relaxed again")
        return ToContext(current=self.submit_relaxation("symmetrised", copies))

    def rank_symmetrised(self) -> None:
        """Rank the symmetrised copies among all others: the lower of two alike represents both."""
        node = self.child("symmetrised")
        if "population" in node.outputs:
            self.rank_all(self.judge(node.outputs.population, "judge_symmetrised"), "rank_symmetrised")

    def relax_by_dft(self) -> ToContext | None:
        """Submit the DFT relaxation of the lowest structures."""
        settings, population = self.settings, load_node(self.ctx.population)
        labels = None if self.ctx.dataset is None else load_node(self.ctx.dataset)
        node = self.submit_dft_relaxation("", population, settings.pressure, settings, labels)
        if node is None:
            return None
        self.report(
            f"the {node.inputs.population.count} lowest structures are relaxed by {node.process_label}<{node.pk}>"
        )
        return ToContext(current=node)

    def results(self) -> ExitCode | None:
        """Hand out the ranked populations, the final potential, all labels with their hull, and the history."""
        self.out("population", load_node(self.ctx.population))
        self.out("potential", load_node(self.ctx.potential))
        if self.ctx.dataset is not None:
            self.out("dataset", load_node(self.ctx.dataset))
            if self.settings.variable:
                dataset, keys = load_node(self.ctx.dataset), self.inputs.settings
                self.out("label_hull", call_once(self, "label_hull", hull_of_labels, dataset=dataset, settings=keys))
        self.out("history", call_once(self, "history", search_history, **self.history_nodes()))
        frames = load_node(self.ctx.population).get_frames()
        if "sscha" in self.inputs and not lowest(frames, 1):
            reason = next((frame.info["reason"] for frame in frames if "reason" in frame.info), "nothing was tried")
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_SSCHA.format(reason=reason)
        if (problem := unranked(frames, self.settings)) is not None:
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_RELAX.format(reason=problem)
        return self.dft_results()

    def dft_results(self) -> ExitCode | None:
        """Hand out what DFT has relaxed, where that was asked for and tried."""
        node = find_child(self, "dft_relax")
        if node is None:
            return None
        ranked = self.ranked_by_dft("", self.inputs.settings.get_dict())
        if ranked is None:
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_DFT_RELAX.format(reason=failure(node))
        self.out("dft_population", ranked)
        return None

    def exit_with(self, code: ExitCode, node: ProcessNode) -> ExitCode:
        """Exit code with the reason, after handing out what there is."""
        self.report(f"generation {self.ctx.generation}: {failure(node)}")
        if self.ctx.population is not None:
            self.results()
        return code.format(reason=failure(node))

    def submit_relaxation(self, step: str, population: PopulationData) -> ProcessNode:
        """Submit the relaxation of a population with the potential of now."""
        settings = self.settings
        inputs = {
            **engine_inputs(self.inputs, RelaxWorkChain),
            "population": population,
            "potential": load_node(self.ctx.potential),
            "pressure": Float(settings.pressure),
            "settings": Dict(settings.relax.model_dump()),
            **self.guard(),
        }
        return submit_once(self, self.label_of(step), RelaxWorkChain, inputs)

    def rank_all(self, relaxed: PopulationData, step: str) -> None:
        """Make ``relaxed``, together with the population so far, the new ranked population."""
        population = relaxed
        if self.ctx.population is not None:
            population = call_once(
                self,
                self.label_of("merge" if step == "rank" else f"merge_for_{step}"),
                merge_populations,
                earlier=load_node(self.ctx.population),
                latest=relaxed,
            )
        ranked = call_once(
            self, self.label_of(step), rank_population, population=population, settings=self.inputs.settings
        )
        self.ctx.population = ranked.pk

    def best_text(self) -> str:
        """The lowest enthalpy or Gibbs free energy, or the hull, so far, to be read."""
        population = load_node(self.ctx.population)
        if self.settings.ranked_by == HULL_DISTANCE:
            return hull_phases(population.get_frames())
        if "sscha" in self.inputs:
            return f"lowest {lowest_free_energy(population.get_frames())}"
        enthalpy = population.base.attributes.get("lowest_enthalpy", None)
        return "lowest enthalpy none yet" if enthalpy is None else f"lowest enthalpy {enthalpy:.4f} eV/atom"

    def history_nodes(self) -> dict[str, Node]:
        """Nodes the history is made from, by call link label."""
        columns = (
            ("relax", "judge", "result"),
            ("sscha", "free_energies", "result"),
            ("rank", "rank", "result"),
            ("label", "label", "report"),
            ("finetune", "finetune", "metrics"),
            ("rank_again", "rank_again", "result"),
        )
        nodes: dict[str, Node] = {"settings": self.inputs.settings}
        for generation in range(INITIAL, self.ctx.generation + 1):
            for column, step, output in columns:
                child = find_child(self, generation_label(generation, step))
                if child is not None and output in child.outputs:
                    name = "initial" if generation == INITIAL else f"{generation:03d}"
                    nodes[f"{column}_{name}"] = child.outputs[output]
        return nodes
