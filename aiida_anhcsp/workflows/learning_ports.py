"""What a search that learns is given, and what it refuses before anything is submitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.engine import ProcessSpec
from aiida.orm import Dict, Str, to_aiida_type

from ..data.population import PopulationData
from ..engine.errors import InputError
from ..engine.learning.dataset import check_labels
from .learning_settings import LearningSettings
from .ports import define_training, parsed_by, validate_label_engine, validate_label_inputs


def validate_learning(value: Mapping[str, Any] | None, _: Any) -> str | None:
    """Labels of unknown or of several settings, and inputs that the label work chain would refuse."""
    if not value or "label_engine" not in value:
        return None
    if "dataset" in value:
        try:
            check_labels(value["dataset"].get_frames(), stress=False, argument="learning.dataset")
        except InputError as error:
            return str(error)
        if not value["dataset"].base.attributes.get("label_settings", None):
            return (
                "learning.dataset: does not say with which settings it was labelled; import it with aiida-anhcsp "
                "dataset import --origin NAME --label-settings NAME"
            )
    return validate_label_inputs(value["label_engine"], value.get("label", {}), "learning.label")


def define_learning(spec: ProcessSpec) -> None:
    """Add the namespace ``learning``."""
    spec.input_namespace(
        "learning",
        required=False,
        populate_defaults=False,
        validator=validate_learning,
        help="What is labelled and learned in each generation; nothing if left out.",
    )
    spec.input(
        "learning.settings",
        valid_type=Dict,
        default=lambda: Dict({}),
        validator=parsed_by(LearningSettings.parse, "learning.settings"),
        help="sampler (random, grade, committee, lowest, hull or unphysical), number (of structures it picks), "
        "per_composition (of hull), threshold (of grade, or of the committee's spread in eV/angstrom), committee "
        "(potentials), distortions (of each), amplitude (angstrom), strain, unphysical (structures labelled as they "
        "are), unphysical_limit (learn after so many), replay (old configurations), survivors (relaxed again), "
        "largest_grade (of relaxations), convergence {rmse, lowest}, hull_tolerance (eV/atom), max_rounds, initial "
        "(random structures labelled first), new (what learns from these where no potential is given), train {epochs, "
        "learning_rate, ...}; the H3S study if absent.",
    )
    spec.input(
        "learning.label_engine",
        valid_type=Str,
        serializer=to_aiida_type,
        validator=validate_label_engine,
        help="Entry point of the work chain that labels: anhcsp.label.gpaw, .vasp, .espresso or .ase.",
    )
    spec.input_namespace(
        "learning.label",
        dynamic=True,
        help="Inputs of that work chain, without the population: code, settings, ...",
    )
    spec.input(
        "learning.dataset",
        valid_type=PopulationData,
        required=False,
        help="Labelled structures the potential has learned before; some are replayed in each round.",
    )
    define_training(spec, "learning")
    spec.exit_code(407, "ERROR_NO_POTENTIAL", message="The first labels came to no potential: {reason}")
    spec.exit_code(
        406, "ERROR_LABELS_DO_NOT_MIX", message="The labels are of other settings than those learned before: {reason}"
    )
