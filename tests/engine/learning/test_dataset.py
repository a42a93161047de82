from __future__ import annotations

import numpy as np
import pytest

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import bare, labels_of, with_labels
from aiida_anhcsp.engine.learning.dataset import check_labels, dealt, family_of, split_by_family, trained_on
from aiida_anhcsp.engine.learning.settings import Split

from .conftest import emt_frames


def _parts(frames, seed=1):
    return split_by_family(frames, Split(), seed)


@pytest.mark.parametrize("seed", range(20))
def test_no_family_straddles_the_split(frames, seed):
    families = family_of(frames)
    parts = _parts(frames, seed)
    members = [{families[index] for index in indices} for indices in parts.values()]
    assert not members[0] & members[1] and not members[0] & members[2] and not members[1] & members[2]


def test_every_frame_is_in_one_part(frames):
    parts = _parts(frames)
    assert sorted(index for part in parts.values() for index in part) == list(range(len(frames)))


def test_split_is_eight_to_one_to_one(frames):
    assert {name: len(part) for name, part in _parts(frames).items()} == {"train": 32, "validation": 4, "test": 4}


def test_test_set_stays_held_out_when_the_dataset_grows():
    old = emt_frames(parents=40, children=1)
    grown = [*old, *(frame for frame in emt_frames(parents=42, children=1)[40:])]
    before = {old[index].info["parents"] for index in _parts(old)["test"]}
    trained_on = {grown[index].info["parents"] for index in _parts(grown)["train"]}
    assert len(before & trained_on) <= 1


@pytest.mark.parametrize("seed", range(10))
def test_frames_once_dealt_keep_their_part_whatever_is_added_or_left_out(seed):
    everything = emt_frames(parents=30, children=2)
    dataset = []
    for first in range(0, 60, 12):
        new = dealt(everything[first : first + 12], dataset, Split(), seed)
        dataset += new
        replayed = [*dataset[: len(dataset) - 12 : 5], *new]
        for part, indices in split_by_family(replayed, Split(), seed).items():
            assert all(replayed[index].info["split"] == f"{seed}:{part}" for index in indices)
    held_out = [frame for frame in dataset if frame.info["split"] != f"{seed}:train"]
    assert 8 <= len(held_out) <= 16


def test_distortions_of_a_structure_that_was_dealt_join_its_part(frames):
    first = dealt(frames[::2], [], Split(), 1)
    second = dealt(frames[1::2], first, Split(), 1)
    assert [frame.info["split"] for frame in second] == [frame.info["split"] for frame in first]


def test_mark_of_another_seed_or_of_a_part_nobody_wants_holds_nothing_out(frames):
    marked = dealt(frames, [], Split(test=0.5), 1)
    assert split_by_family(marked, Split(), 2) == split_by_family(frames, Split(), 2)
    assert not split_by_family(marked, Split(test=0.0, validation=0.0), 1)["test"]


def test_what_was_learned_before_is_trained_on_and_no_relative_of_new_frames(frames):
    for frame in frames:
        frame.info["round"] = 3
    before = trained_on(frames, 1)
    assert len(split_by_family(before, Split(), 1)["train"]) == len(frames)
    assert not set(family_of(before)) & set(family_of(frames))
    assert not any("round" in frame.info for frame in before)


def test_structure_and_its_distortions_are_one_family(frames):
    parent = frames[0].copy()
    parent.info = {"id": "g000-0000", "operator": "heredity", "parents": "g001-0001 g001-0002"}
    assert len(set(family_of([parent, *frames[:2]]))) == 1


def test_distortion_of_a_distortion_belongs_to_the_first_structure(frames):
    second = frames[0].copy()
    second.info = {"id": "again", "parents": frames[0].info["id"], "operator": "distort"}
    assert family_of([frames[0], second]) == ["g000-0000", "g000-0000"]


def test_offspring_of_one_parent_is_a_family_of_its_own(frames):
    child = frames[0].copy()
    child.info = {"id": "g001-0007", "parents": "g000-0000", "operator": "strain"}
    assert family_of([child]) == ["g001-0007"]


def test_two_families_leave_one_to_train_on(frames):
    assert _parts([frames[0], frames[2]])["train"]


def test_nan_force_is_refused_with_the_frame_named(frames):
    labels = labels_of(frames[1])
    forces = np.array(labels["forces"])
    forces[0, 0] = np.nan
    bad = with_labels(frames[1], labels["energy"], forces, labels["stress"])
    with pytest.raises(InputError, match=r"frame 1.*forces.*not finite"):
        check_labels([frames[0], bad], stress=True, argument="DATASET")


def test_missing_stress_is_refused_only_when_it_is_learned(frames):
    labels = labels_of(frames[1])
    bad = with_labels(frames[1], labels["energy"], labels["forces"])
    check_labels([bad], stress=False, argument="DATASET")
    with pytest.raises(InputError, match=r"no stress.*stress weight"):
        check_labels([bad], stress=True, argument="DATASET")


def test_unlabelled_frame_is_refused(frames):
    with pytest.raises(InputError, match="no energy"):
        check_labels([bare(frames[0])], stress=True, argument="DATASET")


def test_labels_of_two_settings_are_refused(frames):
    mixed = [frame.copy() for frame in frames[:2]]
    for frame, source, settings in zip(mixed, frames, ("0123456789ab", "ba9876543210"), strict=False):
        frame.calc = source.calc
        frame.info["label_settings"] = settings
    with pytest.raises(InputError, match="different settings"):
        check_labels(mixed, stress=True, argument="DATASET")
