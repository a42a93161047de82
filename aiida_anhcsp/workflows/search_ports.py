"""Inputs and outputs of a search, and what it refuses before anything is submitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.engine import ProcessSpec
from aiida.orm import Dict, Int, StructureData

from ..calculations.base import at_least_one
from ..data.population import PopulationData
from ..data.potential import PotentialData
from ..engine.errors import InputError
from ..engine.learning.trainable import parse_new, require_trainable
from ..engine.search.seeds import beside_seeds, with_seeds
from ..engine.search.settings import SearchSettings
from ..engine.search.target import require_target
from .dft_finalists import define_dft_relax
from .gibbs import define_gibbs, validate_gibbs
from .learning_ports import define_learning
from .learning_settings import LearningSettings
from .ports import define_engine, parsed_by


def validate_search_settings(value: Dict | None, context: Any) -> str | None:
    """Settings of the search that ``anhcsp-engine search`` would refuse, or that a port replaces."""
    for key in ("potential", "seeds", "target"):
        if value is not None and value.get_dict().get(key) is not None:
            return f"settings: {key} is an input of its own here; remove this key"
    return parsed_by(lambda mapping, argument: SearchSettings.parse(mapping), "settings")(value, context)


def validate_structures(value: Mapping[str, Any], _: Any) -> str | None:
    """Seeds and a target that are no structures of the search, and what a search by free energy needs."""
    if "settings" not in value:
        return None
    if (problem := validate_gibbs(value) or validate_start(value)) is not None:
        return problem
    try:
        settings = SearchSettings.parse(value["settings"].get_dict())
        require_learner(settings, value)
        if "seeds" in value:
            seeds = value["seeds"].get_frames()
            with_seeds([], seeds, beside_seeds(seeds, settings))
        if "target" in value:
            require_target(settings, value["target"].get_ase())
        require_hull(settings, value)
    except InputError as error:
        return str(error)
    return None


def validate_start(inputs: Mapping[str, Any]) -> str | None:
    """A search has a potential, or learns one from nothing."""
    learning = inputs.get("learning") or {}
    new = learning["settings"].get_dict().get("new") if "settings" in learning else None
    if ("potential" in inputs) == (new is not None):
        return "potential: give either potential, or learning.settings.new to train one on the first labels"
    return None


def require_learner(settings: SearchSettings, inputs: Mapping[str, Any]) -> None:
    """Refuse what cannot learn the labels of a search, and old labels that are not of its elements.

    :raises InputError: the potential is of a kind that cannot be trained, or the new one is of other elements, or the
        old labels are.
    """
    if not inputs.get("learning"):
        return
    old = inputs["learning"]["dataset"].elements if "dataset" in inputs["learning"] else []
    foreign = ", ".join(sorted(set(old) - set(settings.elements)))
    if foreign:
        fix = f"leave it out, or give labels of {', '.join(settings.elements)} alone"
        raise InputError("learning.dataset", f"has {foreign}, which is not searched for", fix)
    if "potential" in inputs:
        require_trainable(inputs["potential"].kind, "potential")
    else:
        new = inputs["learning"]["settings"].get_dict()["new"]
        parse_new(new, "learning.settings.new", settings.elements)


def require_hull(settings: SearchSettings, inputs: Mapping[str, Any]) -> None:
    """Refuse a learning that goes by a hull where there is none.

    :raises InputError: so it is.
    """
    if settings.variable or not inputs.get("learning"):
        return
    learning = LearningSettings.parse(inputs["learning"]["settings"].get_dict())
    if learning.sampler == "hull":
        fix = "give another sampler, as lowest, or composition instead of formula"
        raise InputError("learning.settings.sampler", "one formula has no hull", fix)
    if learning.hull_tolerance is not None:
        fix = "give convergence, or composition instead of formula"
        raise InputError("learning.settings.hull_tolerance", "one formula has no hull", fix)


def define_search(spec: ProcessSpec) -> None:
    """Add all inputs, outputs and exit codes of a search."""
    define_search_inputs(spec)
    define_search_outputs(spec)


def define_search_inputs(spec: ProcessSpec) -> None:
    """Add the inputs."""
    spec.input(
        "settings",
        valid_type=Dict,
        validator=validate_search_settings,
        help="The keys of SEARCH.yaml: formula, formula_units ('1' or '1-4'), pressure (GPa), population, "
        "generations, max_relaxations, seed, relax {fmax, max_steps}, minimum_distances, operators, stop, or "
        "composition instead of formula; the documentation of the search lists all.",
    )
    spec.input(
        "potential",
        valid_type=PotentialData,
        required=False,
        help="The potential the search starts with; without, learning.settings.new is trained on the first labels.",
    )
    spec.input("seeds", valid_type=PopulationData, required=False, help="Structures that join the first generation.")
    spec.input(
        "target",
        valid_type=StructureData,
        required=False,
        help="A known structure: the search ends when it is found.",
    )
    define_engine(spec)
    spec.input(
        "chunk_size",
        valid_type=Int,
        required=False,
        validator=at_least_one,
        help="Structures that one job relaxes, the jobs of a generation at the same time; all in one if absent.",
    )
    define_learning(spec)
    define_gibbs(spec)
    define_dft_relax(spec)
    spec.inputs.validator = validate_structures


def define_search_outputs(spec: ProcessSpec) -> None:
    """Add the outputs and exit codes."""
    spec.output(
        "population",
        valid_type=PopulationData,
        help="All structures that compete at the end, ranked, with enthalpies of the final potential. With "
        "fitness: gibbs also gibbs_free_energy and its error (eV/atom), temperature, spacegroup_final, and sscha: "
        "converged, upper_bound, given_up or failed, the last three with a reason.",
    )
    spec.output("potential", valid_type=PotentialData, help="The final potential.")
    spec.output("dataset", valid_type=PopulationData, required=False, help="All labels, old and new.")
    spec.output(
        "label_hull",
        valid_type=Dict,
        required=False,
        help="Over compositions, the hull of all labels: phases with formula, id, enthalpy and distance (eV/atom) of "
        "the lowest labelled structure, number of labels; or the reason why there is none.",
    )
    spec.output(
        "dft_population",
        valid_type=PopulationData,
        required=False,
        help="The lowest structures, relaxed by DFT and ranked by its enthalpies.",
    )
    spec.output(
        "history",
        valid_type=Dict,
        help="generations: a row for each with the numbers relaxed, failed and labelled, the lowest enthalpy "
        "(eV/atom), and the RMSE on the new labels before and after finetuning.",
    )
    spec.exit_code(401, "ERROR_SUB_PROCESS_FAILED_GENERATE", message="No first generation: {reason}")
    spec.exit_code(402, "ERROR_SUB_PROCESS_FAILED_VARY", message="No offspring: {reason}")
    spec.exit_code(403, "ERROR_SUB_PROCESS_FAILED_RELAX", message="Nothing was relaxed that can be ranked: {reason}")
    spec.exit_code(404, "ERROR_SUB_PROCESS_FAILED_SSCHA", message="No structure has a free energy: {reason}")
