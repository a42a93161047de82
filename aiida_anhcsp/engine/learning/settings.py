"""What a training does: one schema, read from TRAIN.yaml, from flags, or from an AiiDA Dict."""

from __future__ import annotations

from collections.abc import Mapping
from math import cos, pi
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..refusals import problems_of, within


class Weights(BaseModel):
    """Weights of the three parts of the loss: energy per atom (eV), force (eV/angstrom), stress (GPa)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    energy: float = Field(default=1.0, ge=0)
    force: float = Field(default=1.0, ge=0)
    stress: float = Field(default=0.1, ge=0)

    @model_validator(mode="after")
    def _something_is_learned(self) -> Weights:
        if self.energy + self.force + self.stress <= 0:
            raise ValueError("all weights are zero")
        return self


class Split(BaseModel):
    """Fractions of the frames held out; the rest is trained on (8:1:1, as in the H3S study).

    Trainings that go on from one another take the same ``seed``, or what one was tested on the next is trained on;
    absent, it is the training's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.1, ge=0, lt=1)
    seed: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _something_is_left(self) -> Split:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave nothing to train on")
        return self


class Focus(BaseModel):
    """What a training is to get right: labels at ``height`` (eV/atom) above their hull at ``pressure`` (GPa) count a
    quarter of those on it, higher ones less.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    height: float = Field(gt=0)
    pressure: float = 0.0


class TrainSettings(BaseModel):
    """Settings of ``anhcsp-engine train``.

    ``epochs`` is the most Levenberg-Marquardt iterations of an MTP, which uses only ``epochs``, ``seed``, ``weights``,
    ``focus``, ``patience`` and ``split`` and ends by itself. Not stated, ``epochs`` is 50 (MTP: 200) and ``weights``
    are 1, 1, 0.1 (MTP: 1, 0.3, 0.3 in its own units). With ``focus`` low labels count more. The learning rate falls
    from ``learning_rate`` to a hundredth of it by ``schedule``. ``patience`` epochs without a better validation loss
    end the training. ``shifts`` fits a reference energy per species before training, by least squares on
    E_DFT - E_model. ``frozen_blocks`` leaves the embeddings and so many of the first blocks as they are (a graph
    network that has learned much before forgets less).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int | None = Field(default=None, ge=1)
    learning_rate: float = Field(default=2e-4, gt=0)
    batch_size: int = Field(default=16, ge=1)
    weights: Weights | None = None
    focus: Focus | None = None
    loss: Literal["huber", "mse"] = "huber"
    huber_delta: float = Field(default=0.01, gt=0)
    ema_decay: float = Field(default=0.99, ge=0, lt=1)
    gradient_clip: float | None = Field(default=10.0, gt=0)
    schedule: Literal["constant", "exponential", "cosine"] = "cosine"
    patience: int | None = Field(default=None, ge=1)
    shifts: bool = True
    frozen_blocks: int = Field(default=0, ge=0)
    split: Split = Split()
    seed: int = Field(ge=0)

    @classmethod
    def parse(cls, values: Mapping[str, Any], argument: str = "") -> TrainSettings:
        """Settings from a mapping.

        :param argument: where the mapping stands
        :raises InputError: an unknown key or a value out of range, naming the field.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise within(argument, problems_of(cls, error)[0]) from error

    @property
    def split_seed(self) -> int:
        """The seed by which the frames are split."""
        return self.seed if self.split.seed is None else self.split.seed

    def completed(self, epochs: int, weights: Weights) -> CompleteSettings:
        """The same with what a kind of potential takes where nothing is stated."""
        stated = {name: getattr(self, name) for name in type(self).model_fields}
        stated["epochs"] = self.epochs or epochs
        stated["weights"] = self.weights or weights
        return CompleteSettings(**stated)


class CompleteSettings(TrainSettings):
    """Settings with nothing left open."""

    epochs: int = Field(ge=1)
    weights: Weights

    def learning_rate_at(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        done, end = epoch / self.epochs, 0.01
        factor = {
            "constant": 1.0,
            "exponential": end**done,
            "cosine": end + (1 - end) * 0.5 * (1 + cos(pi * done)),
        }[self.schedule]
        return self.learning_rate * factor
