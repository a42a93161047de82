from __future__ import annotations

from itertools import pairwise

import pytest

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.learning.settings import TrainSettings, Weights


def _complete(**values):
    return TrainSettings.parse({"seed": 1, **values}).completed(50, Weights())


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"epoch": 3}, "epoch"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"weights": {"forces": 1}}, "weights.forces"),
        ({"weights": {"energy": 0, "force": 0, "stress": 0}}, "weights"),
        ({"split": {"validation": 0.6, "test": 0.5}}, "split"),
    ],
)
def test_bad_setting_is_named(values, named):
    with pytest.raises(InputError, match=named):
        TrainSettings.parse({"seed": 1, **values})


def test_stated_settings_win_over_the_defaults_of_a_kind():
    complete = TrainSettings(seed=1, epochs=7).completed(1000, Weights(stress=0.3))
    assert (complete.epochs, complete.weights.stress) == (7, 0.3)


@pytest.mark.parametrize("schedule", ["exponential", "cosine"])
def test_learning_rate_falls_to_a_hundredth(schedule):
    settings = _complete(schedule=schedule, learning_rate=1.0)
    rates = [settings.learning_rate_at(epoch) for epoch in range(51)]
    assert rates[0] == 1 and rates[-1] == pytest.approx(0.01)
    assert all(later < earlier for earlier, later in pairwise(rates))
