"""``anhcsp-engine train`` as a job."""

from __future__ import annotations

from typing import Any

from aiida.common.datastructures import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec
from aiida.orm import Dict, RemoteData, Str

from ..data.population import PopulationData
from ..data.potential import PotentialData
from ..engine.errors import InputError
from ..engine.learning.trainable import parse_new, require_trainable
from .base import IN_FILE, OUT_FOLDER, Command, EngineCalculation, at_least_one, write_settings

SETTINGS_FILE = "TRAIN.yaml"
CHECKPOINTS = ("checkpoint.pth", "checkpoint.npz")
"""Of a graph network and of a moment tensor potential."""


class TrainCalculation(EngineCalculation):
    """Training of a potential on labelled structures, from a given potential or from nothing."""

    COMMAND = "train"
    PARSER = "anhcsp.train"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("dataset", valid_type=PopulationData, help="Labelled structures; split 8:1:1 by parent structure.")
        cls.define_potential(spec)
        del spec.inputs["runtime"]["batch_atoms"]
        spec.input(
            "runtime.processes",
            valid_type=int,
            default=1,
            non_db=True,
            validator=at_least_one,
            help="Processes that share each batch, one for each CPU or GPU of the job.",
        )
        spec.inputs["potential"].required = False
        spec.inputs["potential"].help = "The potential to finetune."
        spec.input(
            "new",
            valid_type=Str,
            required=False,
            help="Instead of a potential: a new one to train from nothing, as mattersim:new:{json} or mtp:new:{json}.",
        )
        spec.input("settings", valid_type=Dict, help="Settings of the training: epochs, learning_rate, seed, ...")
        spec.input(
            "parent_folder",
            valid_type=RemoteData,
            required=False,
            help="Folder of an interrupted training with the same inputs: this one goes on after its last epoch.",
        )
        spec.inputs.validator = _one_start
        spec.output("potential", valid_type=PotentialData, help="The trained potential.")
        spec.output(
            "metrics",
            valid_type=Dict,
            help="RMSE before and after, by split and by round: energy (meV/atom), force (meV/angstrom), stress (GPa).",
        )
        spec.exit_code(420, "ERROR_DIVERGED", message="The training diverges at every learning rate tried: {message}")
        spec.exit_code(
            421, "ERROR_OUT_OF_MEMORY", message="The training needs too much memory: {message}", invalidates_cache=True
        )
        spec.exit_code(411, "ERROR_METRICS_MISSING", message="The potential was trained but metrics.json is {reason}.")

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        """As for any job, with the folder of an interrupted training brought along."""
        info = super().prepare_for_submission(folder)
        if "parent_folder" in self.inputs:
            remote = self.inputs.parent_folder
            source = f"{remote.get_remote_path()}/{OUT_FOLDER}"
            info.remote_copy_list = [(remote.computer.uuid, source, OUT_FOLDER)]
        return info

    def command(self, folder: Folder) -> Command:
        """``train population.extxyz out --potential SPEC --settings TRAIN.yaml``."""
        write_settings(folder, SETTINGS_FILE, self.inputs.settings)
        if "new" in self.inputs:
            potential = ["--potential", self.inputs.new.value, *self.runtime_arguments()]
            copies: list[tuple[str, str, str]] = []
        else:
            potential, copies = self.potential_arguments(folder)
        return Command(
            [IN_FILE, OUT_FOLDER, *potential, "--settings", SETTINGS_FILE],
            [self.population_copy("dataset"), *copies],
            [(f"{OUT_FOLDER}/*", ".", 2)],
        )


def _one_start(inputs: dict[str, Any], _: Any) -> str | None:
    if ("potential" in inputs) == ("new" in inputs):
        return "potential: give either potential, to finetune it, or new, to train from nothing"
    try:
        if "new" in inputs:
            parse_new(inputs["new"].value, "new", inputs["dataset"].elements)
        else:
            require_trainable(inputs["potential"].kind, "potential")
    except InputError as error:
        return str(error)
    return None
