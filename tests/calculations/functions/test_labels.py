"""Labels joined to the structures they belong to."""

from __future__ import annotations

import numpy as np
import pytest
from aiida import orm
from ase import Atoms
from ase.units import GPa

from aiida_anhcsp.calculations.functions.labels import (
    collect_evaluated,
    collect_gpaw,
    collect_relaxed,
    complete_frames,
    take_frames,
    write_json,
)
from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.frames import labels_of, with_labels, write_frames

JOBS = {"chunk_000": {"start": 0, "stop": 2}, "chunk_001": {"start": 2, "stop": 4, "failure": "killed"}}


def evaluated(frame, energy):
    return with_labels(frame, energy, np.zeros((len(frame), 3)), np.zeros(6))


def test_evaluations_join_by_their_place_and_lost_jobs_give_their_reason(copper, copper_frames, emt):
    chunk = PopulationData.from_frames([evaluated(frame, index) for index, frame in enumerate(copper_frames[:2])])
    result = collect_evaluated(copper, emt, orm.Dict(JOBS), chunk_000=chunk)
    labelled = result["population"].get_frames()
    assert [labels_of(frame)["energy"] for frame in labelled] == [0, 1]
    assert result["report"]["failed"] == {"g000-0002": "killed", "g000-0003": "killed"}


def test_without_any_label_there_is_a_report_only(copper):
    assert collect_gpaw(copper, orm.Dict({}), orm.Dict(JOBS))["report"]["labelled"] == 0


def test_labels_of_other_atoms_are_refused(copper, copper_frames, emt):
    copper_frames[0].symbols[0] = "Au"
    chunk = PopulationData.from_frames([evaluated(frame, 0) for frame in copper_frames])
    result = collect_evaluated(copper, emt, orm.Dict({"c": {"start": 0, "stop": 4}}), c=chunk)
    assert result["report"]["failed"] == {"g000-0000": "the label belongs to other atoms"}


@pytest.mark.parametrize("lost", [1, 30, 200])
def test_a_frame_that_was_being_written_is_dropped(copper_frames, tmp_path, lost):
    write_frames(tmp_path / "frames.extxyz", copper_frames)
    text = (tmp_path / "frames.extxyz").read_text()
    assert len(complete_frames(text)) == 4
    assert len(complete_frames(text[:-lost])) == 3


def test_parts_of_a_population_are_taken_by_place(copper):
    part = take_frames(copper, orm.Dict({"start": 1, "stop": 3}))
    assert [frame.info["id"] for frame in part.get_frames()] == ["g000-0001", "g000-0002"]


def test_settings_become_a_file(aiida_profile):
    assert write_json(orm.Dict({"b": 1, "a": 2})).get_content() == '{"a": 2, "b": 1}'


RELAXED = """2
Properties=species:S:1:pos:R:3:forces:R:3 Lattice="3 0 0 0 2 0 0 0 2" index=0 status=max_steps steps=7 energy=-2.0 \
stress="0 0 0 0 0 0 0 0 0" pbc="T T T"
H 0 0 0 0 0 0
H 1.5 0 0 0 0 0
2
Properties=species:S:1:pos:R:3 Lattice="2 0 0 0 2 0 0 0 2" index=1 status=failed reason="no convergence" pbc="T T T"
H 0 0 0
H 1 0 0
"""


def test_relaxed_geometries_replace_the_old_ones_and_carry_their_enthalpy(aiida_profile):
    frames = [Atoms("H2", [[0, 0, 0], [1, 0, 0]], cell=[2, 2, 2], pbc=True, info={"id": f"h{n}"}) for n in range(2)]
    file = orm.SinglefileData.from_string(RELAXED, "result.extxyz")
    jobs = orm.Dict({"chunk_000": {"start": 0, "stop": 2}})
    result = collect_relaxed(PopulationData.from_frames(frames), orm.Dict({}), orm.Float(100), jobs, chunk_000=file)
    (frame,) = result["population"].get_frames()
    assert frame.cell.lengths()[0] == 3
    assert frame.info["enthalpy"] == pytest.approx((-2.0 + 100 * GPa * 12) / 2, abs=1e-6)
    assert (frame.info["status"], frame.info["steps"], frame.info["spacegroup"]) == ("max_steps", 7, "P4/mmm")
    assert result["report"]["failed"] == {"h1": "no convergence"}
