"""Datasets joined and thinned out."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import bare, labels_of, through_text, with_labels
from aiida_anhcsp.engine.learning.collection import filtered, merge, require_origin, without_duplicates
from aiida_anhcsp.engine.learning.dataset import split_by_family
from aiida_anhcsp.engine.learning.settings import Split

from .conftest import emt_frames


def test_merged_frames_keep_their_labels_and_get_ids_of_their_own(frames):
    merged = merge([frames[:4], frames[2:6]])
    assert len(merged) == 8
    assert len({frame.info["id"] for frame in merged}) == 8
    assert labels_of(merged[4])["energy"] == labels_of(frames[2])["energy"]
    assert "#2" not in frames[2].info["id"]


def test_labels_of_different_settings_are_not_merged():
    one, other = (emt_frames(2, 1, label_settings=name) for name in ("a", "b"))
    with pytest.raises(InputError, match="labels of different settings are mixed"):
        merge([one, other])


def test_what_is_there_twice_is_kept_once_even_after_a_round_trip_through_text(frames):
    merged = merge([frames, through_text(frames[:5])])
    assert len(without_duplicates(merged)) == len(frames)


def test_distortions_are_no_duplicates(frames):
    assert len(without_duplicates(frames[:2])) == 2


def test_filters_hold_what_they_promise(frames):
    strongest = [np.linalg.norm(labels_of(frame)["forces"], axis=1).max() for frame in frames]
    limit = float(np.median(strongest))
    kept = filtered(frames, largest_force=limit)
    assert len(kept) == sum(force <= limit for force in strongest)
    assert {symbol for frame in filtered(frames, elements=["Cu"]) for symbol in frame.symbols} == {"Cu"}
    assert filtered(frames, pressure=(0.0, 10.0)) == []
    assert len(filtered(frames, energy_window=0.0)) == len({str(f.symbols.formula.reduce()[0]) for f in frames})


def test_an_energy_window_is_of_a_composition_whatever_the_order_of_its_atoms():
    cell = Atoms("CuAu", positions=[[0, 0, 0], [1.9, 0, 1.9]], cell=[2.7, 2.7, 3.7], pbc=True)
    labels = np.zeros((2, 3)), np.zeros(6)
    frames = [with_labels(cell, 0.0, *labels), with_labels(cell[[1, 0]], 1.0, *labels)]
    assert filtered(frames, energy_window=0.1) == frames[:1]


def test_split_parts_of_a_merged_dataset_share_no_parent(frames):
    merged = merge([frames, emt_frames(5, 3, seed=9)])
    parts = split_by_family(merged, Split(), 1)
    parents = [{merged[index].info["parents"] for index in indices} for indices in parts.values()]
    assert not parents[0] & parents[1] and not parents[0] & parents[2] and not parents[1] & parents[2]


def test_origin_is_written_into_frames_that_lack_it(frames):
    (marked,) = require_origin(frames[:1], "vasp", "pbe-500eV")
    assert marked.info["label_origin"] == "vasp" and "label_origin" not in frames[0].info
    with pytest.raises(InputError, match="the file says label_origin vasp, not gpaw"):
        require_origin([marked], "gpaw", "pbe-500eV")


def test_frame_without_label_is_refused(frames):
    with pytest.raises(InputError, match="has no energy and no forces"):
        merge([[bare(frames[0])]])
