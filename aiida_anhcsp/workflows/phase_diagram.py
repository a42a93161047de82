"""Free energies of some phases on a grid of pressures and temperatures, and where they meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.engine import ExitCode, ProcessSpec, ToContext, WorkChain, while_
from aiida.orm import Bool, Dict, Float, ProcessNode, Str
from ase import Atoms

from ..calculations.base import at_least_one
from ..calculations.functions.phase_diagram import phase_table
from ..calculations.functions.population import extract_structure
from ..calculations.relax import RelaxCalculation
from ..data.population import PopulationData
from ..data.potential import PotentialData
from ..engine.errors import InputError
from .names import awaited, has_structures, linkable, listed, name_of, tag
from .ports import define_engine, engine_inputs, parsed_by
from .protocols.studies import PhaseDiagramProtocol
from .settings import PhaseDiagramSettings
from .sscha import SschaWorkChain
from .sscha_runs import sscha_runs
from .submission import call_once, failure, get_child, has_ended, submit_once


def validate_structures(value: PopulationData, _: Any) -> str | None:
    """Structures that cannot be told apart by their names."""
    names = [frame.info.get("id") for frame in value.get_frames()]
    if None in names or len(set(names)) < len(names):
        return "structures: every structure needs an id of its own; write id=NAME in the comment lines of the file"
    return None


def validate_together(inputs: Mapping[str, Any], _: Any) -> str | None:
    """Automatic supercells need a potential whose range is known."""
    settings = PhaseDiagramSettings.parse(inputs["settings"].get_dict())
    return settings.without_range(inputs["potential"].cutoff)


class PhaseDiagramWorkChain(PhaseDiagramProtocol, WorkChain):
    """Phase diagram of given structures by their quantum anharmonic free energies.

    All structures are relaxed at every pressure (classical ions); each then goes through SSCHA at every pressure and
    temperature, starting from its neighbour: the next lower pressure, or the next lower temperature at the lowest
    pressure. Automatic supercells are those of a structure's smallest cell, the same at all its points. Transitions
    come from fits of the differences of G(P), beside those of the enthalpies.
    """

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        spec.input(
            "structures",
            valid_type=PopulationData,
            validator=validate_structures,
            help="The phases, each with an id of its own.",
        )
        spec.input("potential", valid_type=PotentialData, help="The potential.")
        spec.input(
            "settings",
            valid_type=Dict,
            validator=parsed_by(PhaseDiagramSettings.parse, "settings"),
            help="pressures (GPa), temperatures (K, [0]), stages, seed, fixed_cell, audit, repeats, continuations (as "
            "those of anhcsp.sscha), relax {fmax, max_steps}, match_q_density (True: free energies of supercells of "
            "different size are carried to one density of q points).",
        )
        spec.input(
            "max_concurrent",
            valid_type=int,
            non_db=True,
            default=2,
            validator=at_least_one,
            help="SSCHA runs at a time.",
        )
        define_engine(spec)
        spec.inputs.validator = validate_together
        spec.outline(cls.relax, cls.plan, while_(cls.has_points)(cls.sscha), cls.results)
        spec.output(
            "phase_diagram",
            valid_type=Dict,
            help="rows: id, pressure, temperature, enthalpy, gibbs_free_energy (eV/atom) with error, ranks before and "
            "after, merged_into; transitions: kind (classical or quantum), lower, upper, pressure and error (GPa); "
            "mergings: kind, phase, into, and the pressures (GPa) at which they are still separate and merged.",
        )
        spec.output_namespace(
            "populations", dynamic=True, valid_type=PopulationData, help="The relaxed structures at each pressure."
        )
        spec.exit_code(401, "ERROR_SUB_PROCESS_FAILED_RELAX", message="No structure could be relaxed: {reason}")
        spec.exit_code(404, "ERROR_SUB_PROCESS_FAILED_SSCHA", message="No SSCHA run converged: {reason}")
        spec.exit_code(410, "ERROR_INCOMPLETE", message="{failed} of {total} points have no free energy: {reason}")

    @property
    def settings(self) -> PhaseDiagramSettings:
        """The validated settings."""
        return PhaseDiagramSettings.parse(self.inputs.settings.get_dict())

    def relax(self) -> ToContext:
        """Submit the relaxation of all structures at each pressure."""
        nodes = []
        for pressure in self.settings.pressures:
            inputs = {
                **engine_inputs(self.inputs, RelaxCalculation),
                "population": self.inputs.structures,
                "potential": self.inputs.potential,
                "pressure": Float(pressure),
                "settings": Dict(self.settings.relax),
            }
            nodes.append(submit_once(self, f"relax_{tag(pressure)}", RelaxCalculation, inputs))
        self.report(f"{self.inputs.structures.count} structures are relaxed: {listed(nodes)}")
        return awaited(nodes)

    def plan(self) -> ExitCode | None:
        """List the points: what is relaxed at a pressure is taken to all temperatures."""
        runs: dict[str, dict[str, Any]] = {}
        relaxed: dict[str, list[Atoms]] = {}
        for pressure in self.settings.pressures:
            node = get_child(self, f"relax_{tag(pressure)}")
            frames = node.outputs.population.get_frames() if has_structures(node) else []
            for frame in frames:
                if "enthalpy" in frame.info:
                    relaxed.setdefault(frame.info["id"], []).append(frame)
                    for temperature in self.settings.temperatures:
                        run = {"id": frame.info["id"], "pressure": pressure, "temperature": temperature}
                        runs[name_of(run)] = run
        if not runs:
            node = get_child(self, f"relax_{tag(self.settings.pressures[0])}")
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_RELAX.format(reason=failure(node))
        self.ctx.runs = runs
        self.ctx.stages = {name: self.stages_of(frames) for name, frames in relaxed.items()}
        self.report(f"{len(runs)} points")
        return None

    def stages_of(self, frames: list[Atoms]) -> list[str]:
        """Stages of all points of a structure, the automatic ones those of its smallest cell.

        :param frames: the structure relaxed at each pressure
        """
        settings = self.settings
        if not settings.automatic:
            return settings.stages
        smallest = min(frames, key=lambda frame: frame.get_volume() / len(frame))
        try:
            return settings.stages_for(smallest, self.inputs.potential.cutoff)
        except InputError as error:
            self.report(f"{smallest.info['id']}: {error}")
            return settings.stages

    def has_points(self) -> bool:
        """Whether points are still to be computed."""
        return any(not has_ended(self, f"sscha_{name}") for name in self.ctx.runs)

    def neighbour(self, name: str) -> str | None:
        """The point that this one starts from, None for the first of a structure."""
        run, grid = self.ctx.runs[name], self.settings
        mine = [other for other in self.ctx.runs.values() if other["id"] == run["id"]]
        pressures = [p for p in grid.pressures if any(other["pressure"] == p for other in mine)]
        place, level = pressures.index(run["pressure"]), grid.temperatures.index(run["temperature"])
        if place:
            return name_of({**run, "pressure": pressures[place - 1]})
        if level:
            return name_of({**run, "temperature": grid.temperatures[level - 1]})
        return None

    def ready(self) -> list[str]:
        """Points that have not ended and whose neighbour has."""
        waiting = [name for name in self.ctx.runs if not has_ended(self, f"sscha_{name}")]
        before = {name: self.neighbour(name) for name in waiting}
        return [name for name in waiting if before[name] is None or has_ended(self, f"sscha_{before[name]}")]

    def sscha(self) -> ToContext:
        """Submit the next points, as many as may run at a time."""
        ready = self.ready()
        nodes = [self.submit_point(name) for name in ready[: self.inputs.max_concurrent]]
        self.report(f"SSCHA: {listed(nodes)}")
        return awaited(nodes)

    def submit_point(self, name: str) -> ProcessNode:
        """Submit one point, from its neighbour's state or from the relaxed structure."""
        run = self.ctx.runs[name]
        point = self.settings.at(run["pressure"], run["temperature"])
        inputs = {
            **engine_inputs(self.inputs, SschaWorkChain),
            "potential": self.inputs.potential,
            "settings": Dict({**point.model_dump(), "stages": self.ctx.stages[run["id"]]}),
        }
        neighbour = self.neighbour(name)
        state = None if neighbour is None else get_child(self, f"sscha_{neighbour}")
        if state is not None and "dynamical_matrices" in state.outputs:
            inputs["start"] = state.outputs.dynamical_matrices
        else:
            inputs["structure"] = call_once(
                self,
                f"structure_{tag(run['pressure'])}_{linkable(run['id'])}",
                extract_structure,
                population=get_child(self, f"relax_{tag(run['pressure'])}").outputs.population,
                identity=Str(run["id"]),
            )
        return submit_once(self, f"sscha_{name}", SschaWorkChain, inputs)

    def results(self) -> ExitCode | None:
        """Hand out the table, and say what it lacks."""
        runs, nodes = sscha_runs(self, self.ctx.runs)
        relaxed = {tag(p): get_child(self, f"relax_{tag(p)}") for p in self.settings.pressures}
        populations = {name: node.outputs.population for name, node in relaxed.items() if has_structures(node)}
        nodes |= {f"population_{name}": node for name, node in populations.items()}
        match = Bool(self.settings.match_q_density)
        table = call_once(self, "phase_table", phase_table, runs=Dict(runs), match_q_density=match, **nodes)
        self.out("phase_diagram", table)
        self.out("populations", populations)
        for transition in table["transitions"]:
            self.report(describe(transition))
        for merging in table["mergings"]:
            self.report(describe_merging(merging))
        return self.verdict([run["reason"] for run in runs.values() if "reason" in run], len(runs))

    def verdict(self, reasons: list[str], total: int) -> ExitCode | None:
        """None where every point converged."""
        if len(reasons) == total:
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_SSCHA.format(reason=reasons[0])
        if reasons:
            return self.exit_codes.ERROR_INCOMPLETE.format(failed=len(reasons), total=total, reason=reasons[0])
        return None


def describe(transition: dict[str, Any]) -> str:
    """A transition in one line."""
    return (
        f"{kind_of(transition)}: {transition['lower']} -> {transition['upper']} at "
        f"{transition['pressure']:.1f} +- {transition['error']:.1f} GPa"
    )


def describe_merging(merging: dict[str, Any]) -> str:
    """A merging in one line."""
    return (
        f"{kind_of(merging)}: {merging['phase']} becomes {merging['into']} between {merging['separate']:g} and "
        f"{merging['merged']:g} GPa"
    )


def kind_of(change: dict[str, Any]) -> str:
    """Of which ions a transition or a merging is: ``classical``, ``quantum at 300 K``."""
    return change["kind"] + (f" at {change['temperature']:g} K" if "temperature" in change else "")
