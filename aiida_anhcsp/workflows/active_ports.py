"""What active learning of a potential is given, and what it refuses before anything is submitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.engine import ProcessSpec
from aiida.orm import Dict
from ase import Atoms

from ..data.population import PopulationData
from ..data.potential import PotentialData
from ..engine.errors import InputError
from ..engine.learning.trainable import parse_new, require_trainable
from ..engine.sscha.lattice import check_supercell, primitive_cell
from ..engine.sscha.settings import SYMMETRY_TOLERANCE
from .ports import define_engine, define_label, parsed_by, validate_label_inputs
from .settings import ActiveSettings


def validate_together(inputs: Mapping[str, Any], _: Any) -> str | None:
    """Inputs of the label work chain, a structure that can be sampled, and a library that can be used."""
    settings = ActiveSettings.parse(inputs["settings"].get_dict())
    problem = cannot_be_sampled(inputs["structure"].get_ase(), settings, "structure")
    problem = problem or unusable_library(inputs.get("library", {}), settings)
    if problem is not None or "label_engine" not in inputs:
        return problem
    return validate_label_inputs(inputs["label_engine"], inputs.get("label", {}), "label")


def cannot_be_sampled(atoms: Atoms, settings: ActiveSettings, argument: str) -> str | None:
    """Why there are no ensembles of a structure, or none that ``settings.new`` can learn, in a sentence."""
    try:
        parse_new(settings.new, "settings.new", set(atoms.symbols))
        primitive = primitive_cell(atoms, SYMMETRY_TOLERANCE, argument)
        check_supercell(primitive, settings.sampled.supercell, SYMMETRY_TOLERANCE, "settings.sample")
    except InputError as error:
        return str(error)
    return None


def unusable_library(library: Mapping[str, Any], settings: ActiveSettings) -> str | None:
    """Members of a library without a potential that can be trained, a training set, or the range that automatic
    supercells need.
    """
    for name, member in library.items():
        if not isinstance(member.get("potential"), PotentialData):
            return f"library.{name}.potential: missing; give the potential"
        if not isinstance(member.get("dataset"), PopulationData):
            return f"library.{name}.dataset: missing; give the labelled structures it was trained on"
        try:
            require_trainable(member["potential"].kind, f"library.{name}.potential")
        except InputError as error:
            return str(error)
        problem = settings.without_range(member["potential"].cutoff)
        if problem is not None:
            return f"{problem}, or leave library.{name} out"
    return None


def define_active(spec: ProcessSpec) -> None:
    """Add what the learning needs: settings, labels, a library, the engine."""
    spec.input(
        "settings",
        valid_type=Dict,
        validator=parsed_by(ActiveSettings.parse, "settings"),
        help="pressure (GPa), temperature (K), stages, seed and the other keys of anhcsp.sscha; sample (stage of "
        "the graded ensembles), first (labels), amplitude, strain, batch, threshold, rounds, new, train, worsening.",
    )
    define_label(spec)
    spec.input_namespace(
        "library",
        dynamic=True,
        help="Potentials to choose from, by name: potential, and dataset, the structures it was trained on.",
    )
    define_engine(spec)
