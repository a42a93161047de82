"""Training of moment tensor potentials: motep's derivatives, minimised by Levenberg-Marquardt."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_numbers
from ase.neighborlist import neighbor_list
from motep.io.mlip.mtp import read_mtp, write_mtp
from motep.loss import LossFunction, LossSetting
from motep.optimizers.lls import LLSOptimizer
from motep.potentials.mtp.data import MTPData
from numpy.typing import NDArray

from ..errors import InputError
from ..frames import bare, labels_of
from ..potentials.base import Evaluation
from ..potentials.mtp import MtpPotential, read_elements
from .errors import TrainingDivergedError
from .focus import shares_of
from .gradient import Report
from .learner import Learner
from .levenberg import minimise
from .mtp_basis import untrained_mtp
from .mtp_checkpoint import MtpCheckpoint, MtpState, fingerprint_of
from .mtp_errors import MtpErrors
from .settings import CompleteSettings, Weights
from .trainable import new_mtp_options, require_elements, require_range

logging.getLogger("motep").setLevel(logging.WARNING)  # it logs every iteration

PARAMETERS = ["species_coeffs", "moment_coeffs", "radial_coeffs"]


class MtpLearner(Learner):
    """A moment tensor potential; with a validation set it ends up with the parameters of the lowest validation loss.

    The default weights are of (eV/atom)^2, (eV/angstrom)^2 and (eV)^2 of the virial, motep's units.
    """

    default_epochs = 200
    default_weights = Weights(energy=1.0, force=0.3, stress=0.3)

    def __init__(self, data: MTPData, elements: Sequence[str], *, is_new: bool) -> None:
        self.data, self.elements, self.is_new = data, list(elements), is_new

    def evaluate(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        return MtpPotential(self.data, self.elements).evaluate(frames)

    def fit(
        self,
        train: Sequence[Atoms],
        validation: Sequence[Atoms],
        settings: CompleteSettings,
        outdir: Path,
        report: Report,
    ) -> dict[str, Any]:
        require_elements(self.elements, {symbol for frame in train for symbol in frame.symbols}, "DATASET")
        self.data.initialize(np.random.default_rng(settings.seed))
        self.data.optimized = PARAMETERS
        fingerprint = fingerprint_of([*train, *validation], settings, self.data.parameters)
        checkpoint = MtpCheckpoint(outdir / "checkpoint.npz", fingerprint)
        state = checkpoint.load() or self._begin(train, settings.weights)
        shares = shares_of([*train, *validation], settings.focus)
        errors = MtpErrors(train, self.data, settings.weights, shares=shares[: len(train)])
        held_out = None
        if validation:
            rest = shares[len(train) :]
            held_out = MtpErrors(validation, self.data, settings.weights, derivatives=False, shares=rest)
        if not np.isfinite(errors.value(state.parameters)):
            raise TrainingDivergedError("the first errors of the MTP are not finite; look for wrong labels")

        def record(parameters: NDArray[np.float64], value: float) -> bool:
            state.parameters = parameters
            state.losses.append(value)
            if held_out is not None:
                loss = held_out.value(parameters)
                if loss < min(state.validation, default=np.inf):
                    state.best = parameters
                state.validation.append(loss)
            checkpoint.save(state)
            report(state.history()[-1])
            waited = len(state.validation) - 1 - int(np.argmin(state.validation)) if state.validation else 0
            return settings.patience is not None and waited >= settings.patience

        end = minimise(errors, state.parameters, settings.epochs - len(state.losses), record)
        self.data.parameters = end if held_out is None else state.best
        checkpoint.remove()
        return {"cutoff": float(self.data.radial_basis.max), "epochs": state.history()}

    def _begin(self, train: Sequence[Atoms], weights: Weights) -> MtpState:
        """The parameters given; of a new potential the linear ones are fitted first."""
        if self.is_new:
            setting = LossSetting(
                energy_weight=weights.energy, forces_weight=weights.force, stress_weight=weights.stress
            )
            loss = LossFunction([_with_targets(frame) for frame in train], self.data, setting)
            LLSOptimizer(loss, optimized=["species_coeffs", "moment_coeffs"]).optimize()
            self.data.optimized = PARAMETERS
        return MtpState(np.array(self.data.parameters), np.array(self.data.parameters))

    def save(self, outdir: Path) -> Path:
        path = outdir / "model.mtp"
        write_mtp(path, self.data, legacy=True)
        Path(f"{path}.json").write_text(json.dumps({"elements": self.elements}) + "\n")
        return path


def new_mtp(options: Mapping[str, Any], frames: Sequence[Atoms], argument: str = "--potential") -> MtpLearner:
    """An MTP with the options of :func:`new_mtp_options`, for the elements of frames where none are named.

    Its radial basis begins at ``minimum_distance`` (default: 0.9 of the shortest distance in the frames).

    :raises InputError: an unknown option, or a value that makes no basis
    """
    new = new_mtp_options(options, argument)
    present = {symbol for frame in frames for symbol in frame.symbols}
    elements = new.elements or sorted(present, key=lambda symbol: atomic_numbers[symbol])
    shortest = new.minimum_distance
    if shortest is None:
        shortest = 0.9 * min((_shortest_distance(frame, new.cutoff) for frame in frames), default=new.cutoff)
        require_range(shortest, new.cutoff, argument)
    species = [atomic_numbers[element] for element in elements]
    data = untrained_mtp(new.level, species, shortest, new.cutoff, new.radial_basis_size)
    return MtpLearner(data, elements, is_new=True)


def load_mtp_to_train(path: Path, argument: str = "--potential") -> MtpLearner:
    """A trained MTP, to go on training it.

    :raises InputError: the file is no MTP, or its species are not named
    """
    elements = read_elements(path, argument)
    try:
        data = read_mtp(path)
        data.species = [atomic_numbers[element] for element in elements]
    except Exception as error:
        raise InputError(argument, f"{path} cannot be read as MTP ({error})", "give an MLIP .mtp file") from error
    return MtpLearner(data, elements, is_new=data.moment_coeffs is None)


def _with_targets(frame: Atoms) -> Atoms:
    image = bare(frame)
    image.calc = SinglePointCalculator(image, **labels_of(frame))
    return image


def _shortest_distance(frame: Atoms, cutoff: float) -> float:
    return float(min(neighbor_list("d", frame, cutoff), default=cutoff))
