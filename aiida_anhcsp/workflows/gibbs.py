"""A search by Gibbs free energy: every structure of a generation through SSCHA, the hopeless ones not to the end."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aiida.engine import ProcessSpec, ToContext, WorkChain
from aiida.orm import Bool, Dict, ProcessNode, Str, load_node
from ase import Atoms

from ..calculations.functions.population import extract_structure
from ..calculations.functions.quantum import free_energies_needed, quantum_population
from ..data.population import PopulationData
from ..engine.search.early_stop import StageEnd, largest_decreases
from ..engine.search.quantum import FAILED, GIVEN_UP, at_common_density
from ..engine.search.settings import GIBBS, SearchSettings
from .gibbs_settings import GibbsSettings
from .names import awaited, linkable, listed, reason_of
from .ports import define_sscha_jobs, engine_inputs, parsed_by
from .sscha import SschaWorkChain
from .submission import call_once, find_child, get_child, has_ended, submit_once

STAGE = re.compile(r"stage_(\d+)(?:_\w+)?")


def define_gibbs(spec: ProcessSpec) -> None:
    """Add the namespace ``sscha``."""
    spec.input_namespace(
        "sscha",
        required=False,
        populate_defaults=False,
        help="SSCHA of every structure, for fitness: gibbs; left out otherwise.",
    )
    spec.input(
        "sscha.settings",
        valid_type=Dict,
        validator=parsed_by(GibbsSettings.parse, "sscha.settings"),
        help="temperature (K), stages (['1x1x1:100', '2x2x2:400'], cheap ones first), seed, window (eV/atom above the "
        "lowest free energy, 0.1) outside of which structures are given up early, seen (structures that must have "
        "shown how a free energy decreases, 3), fixed_cell, audit, repeats, continuations, match_q_density (True: free "
        "energies are ranked at one density of q points).",
    )
    define_sscha_jobs(spec)


def validate_gibbs(inputs: Mapping[str, Any]) -> str | None:
    """Inputs that a search by free energy lacks, or that do not go with it."""
    gibbs = inputs["settings"].get_dict().get("fitness") == GIBBS
    if gibbs and not inputs.get("sscha"):
        return (
            "sscha: missing, with fitness: gibbs; give temperature, stages and seed in sscha.settings of anhcsp.search "
            "(anhcsp.csp takes only its lowest structures through SSCHA: choose another fitness there)"
        )
    if inputs.get("sscha") and not gibbs:
        return "sscha: only fitness: gibbs uses it; set that in settings, or leave sscha out"
    if gibbs and inputs.get("learning"):
        return (
            "learning: not with fitness: gibbs, free energies of different potentials do not compare; "
            "give a potential that has learned"
        )
    if not gibbs or "potential" not in inputs:
        return None
    settings = GibbsSettings.parse(inputs["sscha"]["settings"].get_dict())
    return settings.without_range(inputs["potential"].cutoff, "sscha.settings.stages")


class GibbsSteps(WorkChain):
    """SSCHA of a generation; what it needs of the search is its labels, its settings, its judged structures and its
    context.
    """

    @property
    def quantum(self) -> GibbsSettings:
        """The validated settings of SSCHA."""
        return GibbsSettings.parse(self.inputs.sscha.settings.get_dict())

    @property
    def settings(self) -> SearchSettings:
        """The settings of the search."""
        raise NotImplementedError

    def label_of(self, step: str) -> str:
        """Call link label of this generation's child for a step."""
        raise NotImplementedError

    def judged(self) -> PopulationData:
        """The new structures, relaxed at rest and judged."""
        raise NotImplementedError

    def is_quantum(self) -> bool:
        """Whether free energies are wanted, and the relaxation gave something to take them of."""
        relaxed = find_child(self, self.label_of("relax"))
        return "sscha" in self.inputs and relaxed is not None and "population" in relaxed.outputs

    def plan_sscha(self) -> None:
        """Decide which structures go through SSCHA: one of each kind that no earlier generation had."""
        needed = call_once(
            self,
            self.label_of("plan_sscha"),
            free_energies_needed,
            population=self.judged(),
            settings=self.inputs.settings,
            **self.earlier_at_rest(),
        )
        choice = needed["choice"]
        self.ctx.runs = [name for name, other in choice.items() if other is None]
        self.ctx.shared = {name: other for name, other in choice.items() if other is not None}
        self.ctx.give_up = self.give_up_inputs()
        text = f"generation {self.ctx.generation}: {len(self.ctx.runs)} structures go through SSCHA"
        if self.ctx.shared:
            text += f", {len(self.ctx.shared)} are the same as others at rest"
        if self.ctx.give_up is not None:
            text += f"; given up above {self.ctx.give_up['threshold']:.4f} eV/atom"
        self.report(text)

    def earlier_at_rest(self) -> dict[str, PopulationData]:
        """Populations of the generations before, as they were relaxed, by name of the generation."""
        names = [f"generation_{number:03d}" for number in range(self.ctx.generation)]
        return {name: get_child(self, f"{name}_judge").outputs.result for name in names}

    def has_waiting(self) -> bool:
        """Whether SSCHA runs of this generation are still to be submitted."""
        return bool(self.waiting())

    def waiting(self) -> list[str]:
        """Structures whose run has not ended."""
        return [name for name in self.ctx.runs if not has_ended(self, self.run_label(name))]

    def run_label(self, identity: str) -> str:
        """Call link label of the SSCHA run of a structure: ``generation_001_sscha_g001_0003``."""
        return self.label_of(f"sscha_{linkable(identity)}")

    def sscha(self) -> ToContext:
        """Submit the next SSCHA runs, as many as may run at a time."""
        waiting = self.waiting()
        nodes = [self.submit_sscha(name) for name in waiting[: self.inputs.sscha.max_concurrent]]
        self.report(f"SSCHA: {listed(nodes)}; {len(waiting) - len(nodes)} wait")
        return awaited(nodes)

    def submit_sscha(self, identity: str) -> ProcessNode:
        """Submit the run of one structure."""
        judged = self.judged()
        structure = call_once(
            self,
            self.label_of(f"structure_{linkable(identity)}"),
            extract_structure,
            population=judged,
            identity=Str(identity),
        )
        numbers = [int(part) for part in re.findall(r"\d+", identity)]
        inputs = {
            **engine_inputs({**self.inputs, **self.inputs.sscha}, SschaWorkChain),
            "structure": structure,
            "potential": load_node(self.ctx.potential),
            "settings": Dict(self.quantum.at(self.settings.pressure, *numbers).model_dump()),
        }
        if self.ctx.give_up is not None:
            inputs["give_up"] = Dict(self.ctx.give_up)
        return submit_once(self, self.run_label(identity), SschaWorkChain, inputs)

    def give_up_inputs(self) -> dict[str, Any] | None:
        """When a run of this generation ends early; None as long as nothing is known.

        Only earlier generations count, so that the answer does not depend on how many runs there are at a time.
        """
        quantum = self.quantum
        if quantum.window is None or self.ctx.population is None:
            return None
        lowest = load_node(self.ctx.population).base.attributes.get("lowest_gibbs_free_energy", None)
        runs = [node for node in self.node.called if node.process_label == SschaWorkChain.__name__]
        before = [node for node in runs if node.is_finished_ok and not node.label.startswith(self.label_of("sscha"))]
        decreases = largest_decreases([stages_and_end(node, quantum.match_q_density) for node in before])
        if lowest is None or not decreases:
            return None
        seen = [asdict(each) for each in decreases]
        return {"threshold": lowest + quantum.window, "decreases": seen, "seen": quantum.seen}

    def take_free_energies(self) -> None:
        """Put the free energies, or the reasons why there are none, into the population of this generation."""
        nodes: dict[str, Any] = {}
        runs: dict[str, dict[str, str]] = {name: {"same_as": other} for name, other in self.ctx.shared.items()}
        for name in self.ctx.runs:
            node = get_child(self, self.run_label(name))
            runs[name] = outcome_of(node)
            if not runs[name]:
                nodes[f"result_{linkable(name)}"] = node.outputs.result
                nodes[f"structure_{linkable(name)}"] = node.outputs.structure
        if self.ctx.population is not None:
            nodes["earlier"] = load_node(self.ctx.population)
        population = call_once(
            self,
            self.label_of("free_energies"),
            quantum_population,
            population=self.judged(),
            runs=Dict(runs),
            match_q_density=Bool(self.quantum.match_q_density),
            **nodes,
        )
        self.ctx.free_energies = population.pk
        for frame in population.get_frames():
            if "sscha" in frame.info:
                self.report(describe(frame))


def outcome_of(node: ProcessNode) -> dict[str, str]:
    """Why a run gives no free energy to rank by; empty where it does, if only an upper bound."""
    codes = SschaWorkChain.exit_codes
    if node.is_finished_ok or node.exit_status == codes.ERROR_NOT_CONVERGED.status:
        return {}
    if node.exit_status == codes.ERROR_GIVEN_UP.status:
        return {"sscha": GIVEN_UP, "reason": node.outputs.result["reason"]}
    return {"sscha": FAILED, "reason": reason_of(node)}


def stages_and_end(run: ProcessNode, match_q_density: bool) -> tuple[Sequence[StageEnd], float]:
    """What the stages of a converged run came to, and its free energy (eV/atom) as it is ranked."""
    ends = []
    for job in run.called:
        match = STAGE.fullmatch(job.label or "")
        result = job.outputs.result.get_dict() if match and "result" in job.outputs else {}
        if match and "gibbs_free_energy" in result:
            gibbs, error = result["gibbs_free_energy"], result["gibbs_free_energy_error"]
            ends.append(StageEnd(int(match.group(1)), result["converged"], gibbs, error))
    result = run.outputs.result.get_dict()
    return ends, float((at_common_density(result) if match_q_density else result)["gibbs_free_energy"])


def describe(frame: Atoms) -> str:
    """What SSCHA came to for a structure, in one line."""
    info = frame.info
    text = f"{info['id']} {frame.get_chemical_formula()}: H = {info['enthalpy']:.4f} eV/atom"
    if "gibbs_free_energy" not in info:
        return f"{text}, {info['spacegroup']}, {info['sscha'].replace('_', ' ')}: {info['reason']}"
    bound = "" if info["sscha"] == "converged" else f", an upper bound: {info['reason']}"
    same = f", as {info['free_energy_of']}" if "free_energy_of" in info else ""
    return (
        f"{text}, G = {info['gibbs_free_energy']:.4f} +- {info['gibbs_free_energy_error']:.4f} eV/atom, "
        f"{info['spacegroup']} -> {info['spacegroup_final']}{same}{bound}"
    )
