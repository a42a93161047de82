"""The whole path: from random structures to a ranking by quantum anharmonic free energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.engine import ExitCode, ProcessSpec, ToContext, if_, while_
from aiida.orm import Bool, Data, Dict, Float, List

from ..calculations.functions.hull import lowest_near_hull
from ..calculations.functions.population import judge_population, lowest_of, rank_population
from ..calculations.functions.ranking import ranking_table
from ..data.population import PopulationData
from ..data.potential import PotentialData
from ..engine.search.rank import lowest
from ..engine.search.settings import GIBBS, SearchSettings
from .dft_finalists import DftRelaxSteps, define_dft_relax
from .finalists import FinalistSteps, define_finalists, finalists_among, validate_finalists
from .joint_training import JointTrainingSteps
from .names import awaited, describe, has_structures, listed, name_of, reason_of, tag
from .ports import engine_inputs, parsed_by
from .protocols.builders import CspProtocol
from .relax import RelaxWorkChain
from .search import SearchWorkChain
from .settings import JointSettings, ProductionSettings
from .splits import split_problem
from .sscha_runs import sscha_runs
from .submission import call_once, failure, find_child, get_child, submit_once


def validate_pressures(value: List | None, _: Any) -> str | None:
    """Pressures that are no different numbers."""
    if value is None:
        return None
    pressures = value.get_list()
    if not pressures or any(not isinstance(p, int | float) for p in pressures) or len(set(pressures)) < len(pressures):
        return "pressures: give one or more different numbers, in GPa"
    return None


def validate_together(inputs: Mapping[str, Any], _: Any) -> str | None:
    """Inputs that need each other."""
    if "production" in inputs and inputs["production"].get_dict().get("search", {}).get("fitness") == GIBBS:
        return "production.search: fitness: gibbs is not for anhcsp.csp; use anhcsp.search"
    several = "pressures" in inputs and len(inputs["pressures"].get_list()) > 1
    if several and "learning" in inputs.get("search", {}) and "finetune" not in inputs:
        return "finetune: searches that learn at several pressures need it; give epochs and learning_rate"
    problem = split_problem(inputs)
    if problem is not None:
        return problem
    return validate_finalists(inputs, SearchSettings.parse(settings_of_finalists(inputs)).variable)


def settings_of_finalists(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of the searches that the finalists come from."""
    production = ProductionSettings.parse(inputs["production"].get_dict()).search if "production" in inputs else {}
    return {**inputs["search"]["settings"].get_dict(), **production}


class CspWorkChain(CspProtocol, JointTrainingSteps, FinalistSteps, DftRelaxSteps):
    """Crystal structure prediction with quantum anharmonic ions.

    Searches that learn, at one or several pressures; one potential from all their labels; on request searches with
    that potential alone; relaxation of the lowest distinct structures with it; SSCHA of the lowest of these at every
    pressure and temperature; on request their correction to DFT; and the ranking by Gibbs free energy. Of a search
    over compositions, the lowest of each composition near the hull, the elements among them, go through SSCHA and are
    ranked by their distance from the hull of Gibbs free energies. An SSCHA run that fails is a row with its reason.
    """

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        spec.expose_inputs(SearchWorkChain, namespace="search", exclude=("metadata", "sscha", "dft_relax"))
        spec.inputs["search"].help = "The search, and with search.learning what it learns: the inputs of anhcsp.search."
        spec.input(
            "pressures",
            valid_type=List,
            required=False,
            validator=validate_pressures,
            help="Pressures (GPa) of the searches; only that of search.settings if absent.",
        )
        spec.input(
            "finetune",
            valid_type=Dict,
            required=False,
            validator=parsed_by(JointSettings.parse, "finetune"),
            help="Settings (TRAIN.yaml) of the joint training on all labels, from the first potential; and stages, a "
            "list of what differs in each of several trainings, one after the other.",
        )
        spec.input(
            "production",
            valid_type=Dict,
            required=False,
            validator=parsed_by(ProductionSettings.parse, "production"),
            help="pressures (GPa) and search {keys of SEARCH.yaml that differ} of searches with the final potential; "
            "without it the finalists come from the searches that learned.",
        )
        define_finalists(spec)
        define_dft_relax(spec)
        spec.inputs.validator = validate_together
        spec.outline(
            cls.search,
            cls.judge_searches,
            while_(cls.has_training)(cls.finetune),
            if_(cls.should_produce)(cls.produce),
            cls.relax,
            cls.rank,
            if_(cls.relaxes_by_dft)(cls.relax_by_dft),
            while_(cls.has_finalists)(cls.sscha),
            while_(cls.has_uncorrected)(cls.correct),
            cls.results,
        )
        spec.output(
            "ranking",
            valid_type=Dict,
            help="rows: id, enthalpy, gibbs_free_energy (eV/atom) with its error, spacegroups and shortest distances "
            "before and after, reason of a failure; if corrected, gibbs_free_energy_corrected with its error, which "
            "ranks them then; lowest free energy first at each pressure and temperature. Over compositions it is "
            "hull_distance that ranks (eV/atom), with its error and probability stable. finite_size_shift was added "
            "where supercells differ. identical: runs that came to one crystal, and their divergence (meV/atom).",
        )
        spec.output("population", valid_type=PopulationData, help="The finalists of the first pressure, ranked.")
        spec.output_namespace(
            "populations", dynamic=True, valid_type=PopulationData, help="The ranked finalists of every pressure."
        )
        spec.output_namespace(
            "dft_populations",
            dynamic=True,
            valid_type=PopulationData,
            help="With dft_relax: the lowest finalists of every pressure, relaxed by DFT and ranked by its enthalpies.",
        )
        spec.output_namespace(
            "label_hulls", dynamic=True, valid_type=Dict, help="label_hull of the searches that learned."
        )
        spec.output("potential", valid_type=PotentialData, help="The final potential.")
        spec.output("dataset", valid_type=PopulationData, required=False, help="All labels, old and new.")
        spec.output("history", valid_type=Dict, help="The generations of the first search.")
        spec.exit_code(401, "ERROR_SUB_PROCESS_FAILED_SEARCH", message="No search came to structures: {reason}")
        spec.exit_code(403, "ERROR_SUB_PROCESS_FAILED_RELAX", message="No finalists: {reason}")
        spec.exit_code(404, "ERROR_SUB_PROCESS_FAILED_SSCHA", message="No SSCHA run converged: {reason}")

    @property
    def search_settings(self) -> dict[str, Any]:
        """Settings of the learning searches."""
        settings: dict[str, Any] = self.inputs.search.settings.get_dict()
        return settings

    @property
    def production(self) -> ProductionSettings | None:
        """Settings of the searches with the final potential."""
        return ProductionSettings.parse(self.inputs.production.get_dict()) if "production" in self.inputs else None

    @property
    def pressures(self) -> list[float]:
        """Pressures of the searches that may learn."""
        if "pressures" in self.inputs:
            return [float(pressure) for pressure in self.inputs.pressures.get_list()]
        return [SearchSettings.parse(self.search_settings).pressure]

    @property
    def final_pressures(self) -> list[float]:
        """Pressures of the finalists."""
        production = self.production
        return self.pressures if production is None else production.pressures

    @property
    def final_settings(self) -> Dict:
        """Settings of the searches that the finalists come from."""
        return Dict(settings_of_finalists(self.inputs)) if "production" in self.inputs else self.inputs.search.settings

    @property
    def is_variable(self) -> bool:
        """Whether the finalists are of several compositions."""
        return SearchSettings.parse(self.final_settings.get_dict()).variable

    def search(self) -> ToContext:
        """Submit the searches, one for each pressure."""
        nodes = []
        for pressure in self.pressures:
            inputs = self.exposed_inputs(SearchWorkChain, namespace="search")
            if "pressures" in self.inputs:
                inputs["settings"] = Dict({**self.search_settings, "pressure": pressure})
            nodes.append(submit_once(self, f"search_{tag(pressure)}", SearchWorkChain, inputs))
        self.report(f"searches at {', '.join(map(tag, self.pressures))}: {listed(nodes)}")
        return awaited(nodes)

    def judge_searches(self) -> ExitCode | None:
        """Go on if a search came to structures."""
        nodes = [get_child(self, f"search_{tag(pressure)}") for pressure in self.pressures]
        failed = [node for node in nodes if not has_structures(node)]
        for node in failed:
            self.report(failure(node))
        if len(failed) == len(nodes):
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_SEARCH.format(reason=failure(failed[-1]))
        return None

    def should_produce(self) -> bool:
        """Whether searches with the final potential follow."""
        return self.production is not None

    def produce(self) -> ToContext:
        """Submit the searches with the final potential."""
        production, search = self.production, self.inputs.search
        assert production is not None
        nodes = []
        for pressure in production.pressures:
            settings = {**self.search_settings, **production.search, "pressure": pressure}
            inputs = {
                **engine_inputs(search, SearchWorkChain),
                "potential": self.potential,
                "settings": Dict(settings),
            }
            nodes.append(submit_once(self, f"production_{tag(pressure)}", SearchWorkChain, inputs))
        self.report(f"searches with the final potential: {listed(nodes)}")
        return awaited(nodes)

    def relax(self) -> ToContext | ExitCode:
        """Submit the relaxation of the lowest distinct structures with the final potential, at each pressure."""
        settings = SearchSettings.parse(self.search_settings)
        step = "search" if self.production is None else "production"
        nodes = []
        for pressure in self.final_pressures:
            for source in self.children(step, [pressure]):
                if not lowest(source.outputs.population.get_frames(), 1):
                    self.report(f"no finalists at {pressure:g} GPa: {failure(source)}")
                    continue
                inputs = {
                    **engine_inputs(self.inputs.search, RelaxWorkChain),
                    "population": self.lowest_at(pressure, source.outputs.population),
                    "potential": self.potential,
                    "pressure": Float(pressure),
                    "settings": Dict(settings.relax.model_dump()),
                }
                nodes.append(submit_once(self, f"relax_{tag(pressure)}", RelaxWorkChain, inputs))
        if not nodes:
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_RELAX.format(reason="no search ranked a structure")
        self.report(f"the lowest distinct structures are relaxed with the final potential: {listed(nodes)}")
        return awaited(nodes)

    def lowest_at(self, pressure: float, population: PopulationData) -> Data:
        """What may be among the finalists of a pressure once the final potential has relaxed it."""
        number = 2 * self.finalists.number
        if self.is_variable:
            function, keys = lowest_near_hull, {"number": number, "window": 2 * self.finalists.window}
        else:
            function, keys = lowest_of, {"number": max(SearchSettings.parse(self.search_settings).population, number)}
        return call_once(self, f"lowest_{tag(pressure)}", function, population=population, settings=Dict(keys))

    def rank(self) -> ExitCode | None:
        """Rank the relaxed structures without unphysical ones, and plan the SSCHA runs of the lowest."""
        runs: dict[str, dict[str, Any]] = {}
        for pressure in self.final_pressures:
            for node in self.children("relax", [pressure]):
                at_pressure = Dict({**self.final_settings.get_dict(), "pressure": pressure})
                judged = call_once(
                    self,
                    f"judge_{tag(pressure)}",
                    judge_population,
                    population=node.outputs.population,
                    settings=at_pressure,
                )
                ranked = call_once(
                    self,
                    f"rank_{tag(pressure)}",
                    rank_population,
                    population=judged,
                    settings=self.final_settings,
                )
                chosen = finalists_among(ranked.get_frames(), self.finalists, self.is_variable)
                for temperature in self.finalists.temperatures:
                    for frame in chosen:
                        run = {"id": frame.info["id"], "pressure": pressure, "temperature": temperature}
                        runs[name_of(run)] = run
        if not runs:
            reason = "no structure could be relaxed" + (", or none of an element alone" if self.is_variable else "")
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_RELAX.format(reason=reason)
        self.ctx.runs = runs
        self.report(f"{len(runs)} SSCHA runs of the lowest distinct structures")
        return None

    def relax_by_dft(self) -> ToContext:
        """Submit the DFT relaxation of the lowest finalists of each pressure."""
        nodes, settings = [], SearchSettings.parse(self.final_settings.get_dict())
        labels = self.labels()
        for pressure in self.final_pressures:
            ranked = find_child(self, f"rank_{tag(pressure)}")
            if ranked is not None:
                population = ranked.outputs.result
                node = self.submit_dft_relaxation(f"_{tag(pressure)}", population, pressure, settings, labels)
                nodes += [] if node is None else [node]
        self.report(f"the lowest finalists are relaxed by DFT: {listed(nodes)}")
        return awaited(nodes)

    def dft_results(self) -> ExitCode | None:
        """Hand out what DFT has relaxed, where that was asked for."""
        if "dft_relax" not in self.inputs:
            return None
        settings = self.final_settings.get_dict()
        ranked = {tag(each): self.ranked_by_dft(f"_{tag(each)}", settings) for each in self.final_pressures}
        done = {name: population for name, population in ranked.items() if population is not None}
        if not done:
            tried = [find_child(self, f"dft_relax_{name}") for name in ranked]
            reason = next((failure(node) for node in tried if node is not None), "nothing was ranked")
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_DFT_RELAX.format(reason=reason)
        self.out("dft_populations", done)
        return None

    def results(self) -> ExitCode | None:
        """Hand out the ranking and everything it rests on."""
        runs, nodes = sscha_runs(self, self.ctx.runs)
        for name, run in self.ctx.runs.items():
            corrected = find_child(self, f"correct_{name}")
            if corrected is not None and "result" in corrected.outputs:
                nodes[f"correction_{name}"] = corrected.outputs.result
            elif corrected is not None:
                runs[name] = {**run, "reason": reason_of(corrected)}
        for pressure in self.final_pressures:
            ranked = find_child(self, f"rank_{tag(pressure)}")
            if ranked is not None:
                nodes[f"population_{tag(pressure)}"] = ranked.outputs.result
        match = Bool(self.finalists.match_q_density)
        ranking = call_once(self, "ranking", ranking_table, runs=Dict(runs), match_q_density=match, **nodes)
        populations = {name.removeprefix("population_"): node for name, node in nodes.items() if "population_" in name}
        first = self.children("search", self.pressures)[0]
        dataset = self.labels()
        self.out("ranking", ranking)
        self.out("population", next(iter(populations.values())))
        self.out("populations", populations)
        self.out("potential", self.potential)
        self.out("history", first.outputs.history)
        if dataset is not None:
            self.out("dataset", dataset)
        searches = self.children("search", self.pressures)
        hulls = {node.label: node.outputs.label_hull for node in searches if "label_hull" in node.outputs}
        if hulls:
            self.out("label_hulls", hulls)
        failed = self.dft_results()
        return self.verdict(ranking.get_dict()["rows"]) or failed

    def verdict(self, rows: list[dict[str, Any]]) -> ExitCode | None:
        """None if a run converged."""
        for row in rows:
            self.report(describe(row))
        if not any(row["converged"] for row in rows):
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_SSCHA.format(reason=rows[0].get("reason", "unknown"))
        return None
