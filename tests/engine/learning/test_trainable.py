"""What can be trained is told without torch, and as the training itself tells it."""

import inspect
from typing import Any

import pytest
from mattersim.forcefield.m3gnet.m3gnet import M3Gnet

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.learning.load import load_learner
from aiida_anhcsp.engine.learning.trainable import M3GNET_DEFAULTS, new_mtp_options, parse_new, parse_to_train

WRONG: list[tuple[str, str]] = [
    ('mtp:new:{"level": 9}', "level is 9; give one of 2, 4, 6"),
    ('mtp:new:{"level": 100}', "level is 100; give one of 2, 4, 6"),
    ('mtp:new:{"levl": 8}', "unknown options levl; options are level, cutoff"),
    ('mtp:new:{"cutoff": -5}', "cutoff is -5; give a positive number as cutoff"),
    ('mtp:new:{"cutoff": "far"}', "cutoff is 'far'; give a positive number as cutoff"),
    ('mtp:new:{"minimum_distance": 9}', "distances from 9 to 5.0 angstrom make no basis; give a larger cutoff"),
    ('mtp:new:{"radial_basis_size": 2.5}', "radial_basis_size is 2.5; give a positive whole number"),
    ('mtp:new:{"elements": "CuAu"}', "elements are 'CuAu'; give chemical symbols"),
    ('mattersim:new:{"units": 0}', "units is 0; give a positive whole number as units"),
    ('mattersim:new:{"unit": 8}', "unknown options unit; options are num_blocks, units"),
    ('mattersim:new:{"cutoff": 3}', "threebody_cutoff is beyond cutoff; give a smaller threebody_cutoff"),
    ("ase:ase.calculators.emt:EMT", "a potential of kind ase cannot be trained; give mattersim:... or mtp:..."),
]


@pytest.mark.parametrize(("text", "line"), WRONG)
def test_what_the_training_would_refuse_is_refused_before_it_in_the_same_line(text: str, line: str) -> None:
    refusals: list[Any] = []
    for ask in (lambda: parse_to_train(text, "new"), lambda: load_learner(text, [], seed=1, argument="new")):
        with pytest.raises(InputError) as caught:
            ask()
        refusals.append(str(caught.value))
    assert refusals[0] == refusals[1]
    assert refusals[0].startswith(f"new: {line}")


def test_a_new_potential_names_the_elements_it_will_learn() -> None:
    text = 'mtp:new:{"elements": ["Cu"]}'
    assert parse_new(text, "new", ["Cu"]).is_new
    with pytest.raises(InputError, match="new: the potential has no Au; name all elements in mtp:new"):
        parse_new(text, "new", ["Au", "Cu"])
    with pytest.raises(InputError, match=r"'mtp:a\.mtp' is no new potential"):
        parse_new("mtp:a.mtp", "new")


def test_what_is_not_stated_of_a_new_potential_is_what_its_code_takes() -> None:
    parameters = inspect.signature(M3Gnet).parameters
    assert {name: parameters[name].default for name in M3GNET_DEFAULTS} == M3GNET_DEFAULTS
    assert (new_mtp_options({}).level, new_mtp_options({}).cutoff) == (8, 5.0)
