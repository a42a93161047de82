"""Training with a second chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.common import AttributeDict
from aiida.engine import (
    BaseRestartWorkChain,
    ProcessHandlerReport,
    ProcessSpec,
    ToContext,
    append_,
    process_handler,
    while_,
)
from aiida.orm import CalcJobNode, Dict

from ..calculations.base import OUT_FOLDER, STATUS_FILE
from ..calculations.train import CHECKPOINTS, TrainCalculation
from ..engine.learning.settings import TrainSettings
from ..parsers.train import OUT_OF_MEMORY
from .ports import define_engine, engine_inputs, parsed_by
from .protocols.builders import FinetuneProtocol
from .submission import failure, submit_once

HALVINGS = 4  # the engine tries three halvings itself
SMALLEST_LEARNING_RATE = 1e-6


class FinetuneWorkChain(FinetuneProtocol, BaseRestartWorkChain):
    """Train a potential on labelled structures, again with gentler settings where that helps."""

    _process_class = TrainCalculation

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        define_engine(spec)
        spec.inputs["runtime"]["processes"] = TrainCalculation.spec().inputs["runtime"]["processes"]
        spec.expose_inputs(TrainCalculation, include=("dataset", "potential", "new", "settings"))
        spec.inputs["settings"].validator = parsed_by(TrainSettings.parse, "settings")
        spec.inputs["settings"].help = (
            "Keys of TRAIN.yaml: epochs, learning_rate, batch_size, weights {energy, force, stress}, split "
            "{validation, test}, ema_decay, schedule, patience, seed, ..."
        )
        spec.inputs.validator = TrainCalculation.spec().inputs.validator
        spec.expose_outputs(TrainCalculation, include=("potential", "metrics"))
        spec.outline(
            cls.setup,
            while_(cls.should_run_process)(cls.run_process, cls.inspect_process),
            cls.results,
        )
        spec.exit_code(310, "ERROR_INPUT", message="This cannot be trained: {reason}")
        spec.exit_code(403, "ERROR_SUB_PROCESS_FAILED_TRAIN", message="The training came to nothing: {reason}")
        spec.exit_code(410, "ERROR_DIVERGED", message="The training diverges at any learning rate: {reason}")
        spec.exit_code(411, "ERROR_OUT_OF_MEMORY", message="A batch of one structure needs too much memory: {reason}")

    def setup(self) -> None:
        """Inputs of the first training."""
        super().setup()
        names = ("dataset", "potential", "new", "settings")
        self.ctx.inputs = AttributeDict({name: self.inputs[name] for name in names if name in self.inputs})
        self.ctx.inputs.update(engine_inputs(self.inputs, TrainCalculation))

    def run_process(self) -> ToContext:
        """Submit the training, once for each iteration."""
        self.ctx.iteration += 1
        node = submit_once(self, f"iteration_{self.ctx.iteration:02d}", TrainCalculation, self.ctx.inputs)
        considered = self.node.base.extras.get(self._considered_handlers_extra, [])
        self.node.base.extras.set(self._considered_handlers_extra, [*considered, []])
        self.report(f"{node.process_label}<{node.pk}> trains, attempt {self.ctx.iteration}")
        return ToContext(children=append_(node))

    def train_again(self, **changes: Any) -> None:
        """Change the settings of the next attempt."""
        self.ctx.inputs.settings = Dict({**self.ctx.inputs.settings.get_dict(), **changes})
        self.ctx.inputs.pop("parent_folder", None)

    def training_settings(self) -> TrainSettings:
        """Settings of the attempt that ended."""
        return TrainSettings.parse(self.ctx.inputs.settings.get_dict())

    @process_handler(priority=300, exit_codes=TrainCalculation.exit_codes.ERROR_DIVERGED)
    def lower_learning_rate(self, node: CalcJobNode) -> ProcessHandlerReport:
        """A training that diverged, at each of the rates the engine halves to, starts again below them."""
        rate = self.training_settings().learning_rate / 2**HALVINGS
        if rate < SMALLEST_LEARNING_RATE:
            return ProcessHandlerReport(True, self.exit_codes.ERROR_DIVERGED.format(reason=failure(node)))
        self.report(f"{failure(node)}; again with learning rate {rate:.1e}")
        self.train_again(learning_rate=rate)
        return ProcessHandlerReport(True)

    @process_handler(priority=200, exit_codes=TrainCalculation.exit_codes.ERROR_OUT_OF_MEMORY)
    def make_batches_smaller(self, node: CalcJobNode) -> ProcessHandlerReport:
        """A training that was killed for its memory starts again with half the batch.

        One that has ended itself was down to one structure at a time, whatever the batch.
        """
        status = node.outputs.retrieved.base.repository.get_object_content(STATUS_FILE).strip()
        batch_size = self.training_settings().batch_size // 2
        if batch_size < 1 or status == OUT_OF_MEMORY:
            return ProcessHandlerReport(True, self.exit_codes.ERROR_OUT_OF_MEMORY.format(reason=failure(node)))
        self.report(f"{failure(node)}; again with batches of {batch_size}")
        self.train_again(batch_size=batch_size)
        return ProcessHandlerReport(True)

    @process_handler(priority=100, exit_codes=TrainCalculation.exit_codes.ERROR_INTERRUPTED)
    def go_on(self, node: CalcJobNode) -> ProcessHandlerReport:
        """A training that was stopped, by its wall time or the machine, goes on after its last epoch."""
        self.report(f"{failure(node)}; it goes on from its last epoch")
        files = node.outputs.retrieved.base.repository
        kept = files.list_object_names(OUT_FOLDER) if OUT_FOLDER in files.list_object_names() else []
        if not set(CHECKPOINTS).isdisjoint(kept):
            self.ctx.inputs.parent_folder = node.outputs.remote_folder
        return ProcessHandlerReport(True)

    @process_handler(
        priority=50,
        exit_codes=[
            TrainCalculation.exit_codes.ERROR_INPUT,
            TrainCalculation.exit_codes.ERROR_ENGINE_FAILED,
            TrainCalculation.exit_codes.ERROR_OUTPUT_MISSING,
            TrainCalculation.exit_codes.ERROR_OUTPUT_UNREADABLE,
        ],
    )
    def give_up(self, node: CalcJobNode) -> ProcessHandlerReport:
        """What the engine refuses, or fails at, it would refuse again: its line is the reason."""
        self.report(failure(node))
        refused = node.exit_status == TrainCalculation.exit_codes.ERROR_INPUT.status
        code = self.exit_codes.ERROR_INPUT if refused else self.exit_codes.ERROR_SUB_PROCESS_FAILED_TRAIN
        return ProcessHandlerReport(True, code.format(reason=failure(node)))


def training_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Code, runtime and scheduler options of a training among the inputs of what learns.

    Processes that share evaluations are not meant to share the few structures of a batch.
    """
    own = {name: value for name, value in inputs.get("learning", {}).items() if name in ("code", "runtime", "options")}
    chosen = engine_inputs({**inputs, **own}, FinetuneWorkChain)
    if "runtime" not in own:
        chosen.get("runtime", {}).pop("processes", None)
    return chosen
