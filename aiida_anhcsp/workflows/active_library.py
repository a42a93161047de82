"""SSCHA of several structures, each with a potential that a growing library offers or that is learned for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.engine import ExitCode, ProcessSpec, ToContext, WorkChain, if_, while_
from aiida.orm import Dict, Int, Node, ProcessNode, Str

from ..calculations.base import at_least_one
from ..calculations.functions.library import library_study
from ..calculations.functions.population import extract_structure
from ..data.population import PopulationData
from .active import ActiveSschaWorkChain
from .active_ports import cannot_be_sampled, define_active, unusable_library
from .correct import CorrectWorkChain
from .finalists import define_correction
from .names import awaited, listed, reason_of
from .phase_diagram import validate_structures
from .ports import engine_inputs, plain, validate_label_inputs
from .protocols.studies import ActiveLibraryProtocol
from .settings import ActiveSettings, derived_seed
from .submission import call_once, failure, find_child, get_child, has_ended, submit_once

MEMBER = "structure_"
"""Begin of the names of what joins the library here."""


def validate_together(inputs: Mapping[str, Any], _: Any) -> str | None:
    """Structures that can be sampled, a library that can be used, inputs that the label work chains take."""
    settings = ActiveSettings.parse(inputs["settings"].get_dict())
    for frame in inputs["structures"].get_frames():
        problem = cannot_be_sampled(frame, settings, f"structures: {frame.info['id']}")
        if problem is not None:
            return problem
    library, correction = inputs.get("library", {}), inputs.get("correction")
    taken = [name for name in library if name.startswith(MEMBER)]
    if taken:
        return f"library.{taken[0]}: names that begin with {MEMBER} are for what is learned here; take another"
    problem = unusable_library(library, settings)
    problem = problem or validate_label_inputs(inputs["label_engine"], inputs.get("label", {}), "label")
    if problem is not None or not correction:
        return problem
    if not settings.audit:
        return "settings: audit is off, but its ensemble is what the correction labels; leave it on"
    return validate_label_inputs(correction["label_engine"], correction.get("label", {}), "correction.label")


def _not_negative(value: Int | None, _: Any) -> str | None:
    return f"repeat: {value.value} is less than none; give 0 or more" if value is not None and value < 0 else None


class ActiveLibraryWorkChain(ActiveLibraryProtocol, WorkChain):
    """Strategy 3 of the LaH10 study: structures one after the other, and a library of potentials that grows.

    Every structure takes from the library what needs the fewest additional labels by MaxVol, retrains it, and starts
    afresh where that forgets (:class:`ActiveSschaWorkChain`); what it ends with joins the library. A reused potential
    can make a false phase: the lowest ``repeat`` structures are repeated with potentials of their own, until none of
    the lowest rests on a reused one. On request all free energies are corrected to the reference. The study says what
    every structure cost, and how far the free energies of identical structures are apart.
    """

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        spec.input(
            "structures",
            valid_type=PopulationData,
            validator=validate_structures,
            help="Structures, each with an id of its own, in the order in which they are learned.",
        )
        define_active(spec)
        spec.input(
            "repeat",
            valid_type=Int,
            default=lambda: Int(2),
            validator=_not_negative,
            help="How many of the lowest structures must rest on potentials learned for them alone.",
        )
        spec.input(
            "max_concurrent",
            valid_type=int,
            non_db=True,
            default=2,
            validator=at_least_one,
            help="Repetitions, and corrections, at a time; the others follow one another, so that the library grows.",
        )
        define_correction(spec)
        spec.inputs.validator = validate_together
        spec.outline(
            cls.setup,
            while_(cls.has_structure)(cls.learn, cls.take),
            while_(cls.has_doubtful)(cls.learn_afresh),
            if_(cls.should_correct)(while_(cls.has_uncorrected)(cls.correct)),
            cls.results,
        )
        spec.output(
            "study",
            valid_type=Dict,
            help="rows, lowest first: id, potential (fresh or reused), library, forgot, labels, mlip_calls, "
            "gibbs_free_energy (eV/atom) with error, corrected where asked for; identical: divergence (meV/atom) of "
            "runs that came to one crystal; cost: labels and calls of the potential, fresh and reused.",
        )
        spec.output_namespace("library", dynamic=True, help="What was learned, by name: potential and dataset.")
        spec.exit_code(401, "ERROR_SUB_PROCESS_FAILED_ALL", message="No structure came to a free energy: {reason}")

    def setup(self) -> None:
        """Nothing is learned yet."""
        self.ctx.learned = 0

    @property
    def identities(self) -> list[str]:
        """Names of the structures, in their order."""
        return [str(frame.info["id"]) for frame in self.inputs.structures.get_frames()]

    def library(self) -> dict[str, dict[str, Any]]:
        """The library so far, by name: what was given, and what the structures before have ended with."""
        members: dict[str, dict[str, Any]] = plain(self.inputs.get("library", {}))
        known = {member["potential"].uuid for member in members.values()}
        for name, outputs in self.grown().items():
            if outputs["potential"].uuid not in known:
                members[name] = outputs
                known.add(outputs["potential"].uuid)
        return members

    def grown(self) -> dict[str, dict[str, Any]]:
        """Potentials and training sets that the structures so far have ended with."""
        ended = {number: get_child(self, _learn(number)).outputs for number in range(self.ctx.learned)}
        return {
            f"{MEMBER}{number:03d}": {"potential": outputs.potential, "dataset": outputs.dataset}
            for number, outputs in ended.items()
            if "potential" in outputs and "dataset" in outputs
        }

    def has_structure(self) -> bool:
        """Whether a structure is still to be learned."""
        return bool(self.ctx.learned < self.inputs.structures.count)

    def learn(self) -> ToContext:
        """Submit the learning and SSCHA of the next structure, with the library so far."""
        number, library = self.ctx.learned, self.library()
        node = self.submit_active(_learn(number), number, library)
        self.report(f"{self.identities[number]}: {listed([node])} with {len(library)} potentials to choose from")
        return ToContext(current=node)

    def take(self) -> None:
        """What the structure has ended with is in the library from now on."""
        number = self.ctx.learned
        node = get_child(self, _learn(number))
        if not node.is_finished_ok:
            self.report(f"{self.identities[number]}: {failure(node)}")
        self.ctx.learned += 1

    def submit_active(self, label: str, number: int, library: dict[str, dict[str, Any]]) -> ProcessNode:
        """Submit one structure; all runs split their labels by the same seed, so that what is held out stays so."""
        keys = self.inputs.settings.get_dict()
        settings = ActiveSettings.parse(keys)
        split = {"validation": 0.0, "seed": settings.seed, **settings.train.get("split", {})}
        keys |= {"seed": derived_seed(settings.seed, number, int(bool(library)))}
        keys |= {"train": {**settings.train, "split": split}}
        structure = call_once(
            self,
            f"{MEMBER}{number:03d}",
            extract_structure,
            population=self.inputs.structures,
            identity=Str(self.identities[number]),
        )
        inputs = {
            **engine_inputs(self.inputs, ActiveSschaWorkChain),
            "structure": structure,
            "settings": Dict(keys),
            "label_engine": self.inputs.label_engine,
            "label": plain(self.inputs.get("label", {})),
            "library": library,
        }
        return submit_once(self, label, ActiveSschaWorkChain, inputs)

    def has_doubtful(self) -> bool:
        """Whether one of the lowest structures rests on a reused potential that was not put to the test."""
        return bool(self.doubtful())

    def doubtful(self) -> list[int]:
        """The structures among the lowest that are to be repeated."""
        energies = {number: gibbs_of(self.best(number)) for number in range(self.inputs.structures.count)}
        known = {number: energy for number, energy in energies.items() if energy is not None}
        lowest = sorted(known, key=lambda number: known[number])[: self.inputs.repeat.value]
        return [
            number
            for number in lowest
            if is_reused(get_child(self, _learn(number))) and not has_ended(self, _fresh(number))
        ]

    def best(self, number: int) -> ProcessNode:
        """The run that counts: the repetition, where that came to a free energy."""
        again = find_child(self, _fresh(number))
        return get_child(self, _learn(number)) if again is None or gibbs_of(again) is None else again

    def learn_afresh(self) -> ToContext:
        """Submit doubtful structures again, without a library."""
        numbers = self.doubtful()[: self.inputs.max_concurrent]
        nodes = [self.submit_active(_fresh(number), number, {}) for number in numbers]
        self.report(f"among the lowest by a reused potential, repeated with fresh ones: {listed(nodes)}")
        return awaited(nodes)

    def should_correct(self) -> bool:
        """Whether the free energies are corrected to the reference."""
        return "correction" in self.inputs

    def has_uncorrected(self) -> bool:
        """Whether free energies are still to be corrected."""
        return bool(self.uncorrected())

    def uncorrected(self) -> list[str]:
        """Runs that converged with an audit, and whose correction has not ended."""
        names = [name for name, node in self.runs().items() if node.is_finished_ok and "audit" in node.outputs]
        return [name for name in names if not has_ended(self, f"correct_{name}")]

    def runs(self) -> dict[str, ProcessNode]:
        """All runs of structures, by call link label."""
        numbers = range(self.inputs.structures.count)
        found = {name: find_child(self, name) for number in numbers for name in (_learn(number), _fresh(number))}
        return {name: node for name, node in found.items() if node is not None}

    def correct(self) -> ToContext:
        """Submit the next corrections."""
        names = self.uncorrected()[: self.inputs.max_concurrent]
        nodes = [self.submit_correction(name) for name in names]
        self.report(f"corrections: {listed(nodes)}")
        return awaited(nodes)

    def submit_correction(self, name: str) -> ProcessNode:
        """Submit the correction of one run."""
        run, correction = get_child(self, name), self.inputs.correction
        inputs = {
            **engine_inputs(self.inputs, CorrectWorkChain),
            **{output: run.outputs[output] for output in ("result", "dynamical_matrices", "audit", "potential")},
            "sscha": Dict(ActiveSettings.parse(run.inputs.settings.get_dict()).sscha()),
            "settings": correction.settings,
            "label_engine": correction.label_engine,
            "label": plain(correction.get("label", {})),
        }
        return submit_once(self, f"correct_{name}", CorrectWorkChain, inputs)

    def results(self) -> ExitCode | None:
        """Hand out the study and the library."""
        runs: dict[str, dict[str, Any]] = {}
        nodes: dict[str, Node] = {}
        for name, node in self.runs().items():
            number = int(name.rsplit("_", 1)[1])
            runs[name] = {"id": self.identities[number], "repeats": name == _fresh(number)}
            if not node.is_finished_ok:
                runs[name]["reason"] = reason_of(node)
            for output in ("report", "result", "structure"):
                if output in node.outputs:
                    nodes[f"{output}_{name}"] = node.outputs[output]
            corrected = find_child(self, f"correct_{name}")
            if corrected is not None and "result" in corrected.outputs:
                nodes[f"correction_{name}"] = corrected.outputs.result
            elif corrected is not None:
                runs[name]["reason"] = reason_of(corrected)
        settings = ActiveSettings.parse(self.inputs.settings.get_dict())
        members = {f"{MEMBER}{number:03d}": name for number, name in enumerate(self.identities)}
        plan = {"runs": runs, "members": members, "pressure": settings.pressure, "temperature": settings.temperature}
        study = call_once(self, "study", library_study, plan=Dict(plan), **nodes)
        self.out("study", study)
        for name, member in self.grown().items():
            for output, member_node in member.items():
                self.out(f"library.{name}.{output}", member_node)
        rows = study.get_dict()["rows"]
        if not any(row["converged"] for row in rows):
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_ALL.format(reason=rows[0].get("reason", "unknown"))
        return None


def gibbs_of(node: ProcessNode) -> float | None:
    """Free energy of a run (eV/atom), if it converged."""
    if "result" not in node.outputs or not node.outputs.result.get_dict().get("converged", False):
        return None
    return float(node.outputs.result["gibbs_free_energy"])


def is_reused(node: ProcessNode) -> bool:
    """Whether a run ended with a potential from the library."""
    report = node.outputs.report.get_dict() if "report" in node.outputs else {}
    return "library" in report and not report["fresh"]


def _learn(number: int) -> str:
    return f"learn_{number:03d}"


def _fresh(number: int) -> str:
    return f"fresh_{number:03d}"
