"""Labels of random structures, before a search begins."""

from __future__ import annotations

from aiida.engine import ExitCode, ToContext
from aiida.orm import Dict

from ..calculations.functions.training import random_to_label
from ..calculations.generate import GenerateCalculation
from ..engine.search.settings import settings_to_make
from .learning import LearningSteps
from .names import INITIAL
from .ports import engine_inputs
from .settings import derived_seed
from .submission import call_once, failure, submit_once


class InitialLabelSteps(LearningSteps):
    """What Li et al. begin with: random structures are labelled as they are, and the first potential learns from them.

    The steps that follow, ``label``, ``finetune`` and ``refresh``, are those of a generation; its number is that of
    :data:`INITIAL`.
    """

    def begins_with_labels(self) -> bool:
        """Whether random structures are labelled first."""
        return "learning" in self.inputs and self.learning.initial > 0

    def draw_initial(self) -> ToContext:
        """Submit the making of random structures, others than those of the first generation."""
        made = settings_to_make(0, self.inputs.settings.get_dict())
        for key in ("max_relaxations", "prototypes", "candidates"):
            made.pop(key, None)
        seed = derived_seed(self.settings.seed, INITIAL)
        inputs = {
            **engine_inputs(self.inputs, GenerateCalculation),
            "settings": Dict({**made, "population": self.learning.initial, "seed": seed}),
        }
        return ToContext(current=submit_once(self, self.label_of("generate"), GenerateCalculation, inputs))

    def choose_initial(self) -> ExitCode | None:
        """Take all of them to be labelled."""
        node = self.child("generate")
        if "population" not in node.outputs:
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_GENERATE.format(reason=failure(node))
        chosen = call_once(
            self, self.label_of("select_and_distort"), random_to_label, population=node.outputs.population
        )
        self.report(f"{self.stage}: {chosen.count} random structures to label")
        return None
