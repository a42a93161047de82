"""Labels by a potential of the engine, in real jobs without a daemon."""

from __future__ import annotations

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase.calculators.emt import EMT

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.frames import labels_of
from aiida_anhcsp.workflows.label.ase import AseLabelWorkChain


@pytest.fixture
def label(engine_code, emt):
    def factory(population, **inputs):
        return run_get_node(AseLabelWorkChain, population=population, code=engine_code, potential=emt, **inputs)

    return factory


@pytest.fixture
def mixed(copper_frames):
    """A cell whose second atom sits on the first, among good ones."""
    copper_frames[1].positions[1] = copper_frames[1].positions[0]
    return PopulationData.from_frames(copper_frames)


def test_labels_are_those_of_the_reference_in_the_order_of_the_structures(label, copper):
    outputs, node = label(copper, chunk_size=orm.Int(3))
    assert node.is_finished_ok
    assert len(node.base.links.get_outgoing(link_label_filter="chunk_%").all()) == 2
    frames = outputs["population"].get_frames()
    assert [frame.info["id"] for frame in frames] == [frame.info["id"] for frame in copper.get_frames()]
    for frame in frames:
        reference = frame.copy()
        reference.calc = EMT()
        labels = labels_of(frame)
        assert labels["energy"] == pytest.approx(reference.get_potential_energy(), abs=1e-6)
        np.testing.assert_allclose(labels["forces"], reference.get_forces(), atol=1e-6)
        np.testing.assert_allclose(labels["stress"], reference.get_stress(), atol=1e-7)
        assert frame.info["label_origin"] == "ase"


def test_a_failed_label_is_reported_and_left_out_and_too_many_are_fatal(label, mixed):
    outputs, node = label(mixed, max_failed_fraction=orm.Float(0.1))
    assert node.exit_status == 402
    assert "1 of 4" in node.exit_message
    assert outputs["population"].count == 3
    report = outputs["report"].get_dict()
    assert report["labelled"] == 3
    assert list(report["failed"]) == ["g000-0001"]
    assert outputs["population"].base.attributes.get("label_settings") == [report["label_settings"]]


@pytest.fixture
def dying(aiida_code_installed, engine_code, tmp_path):
    """An engine whose job is killed after its second structure, in the middle of writing the third."""
    path = tmp_path / "anhcsp-engine-dying"
    path.write_text(
        f"""#!/bin/bash
{engine_code.filepath_executable} "$@"
lines=$(( 2 * ($(head -n 1 "$3") + 2) ))
[ $(wc -l < "$3") -le $lines ] && exit 0
head -n $((lines + 3)) "$3" > half && mv half "$3"
kill -9 $PPID
"""
    )
    path.chmod(0o755)
    return aiida_code_installed(label="dying", filepath_executable=str(path))


def test_what_a_killed_engine_had_written_is_kept_and_the_rest_submitted_again(dying, emt, copper):
    outputs, node = run_get_node(AseLabelWorkChain, population=copper, code=dying, potential=emt)
    assert node.is_finished_ok, node.exit_message
    jobs = {child.label: child.inputs.population.count for child in node.called if child.label.startswith("chunk")}
    assert jobs == {"chunk_000": 4, "chunk_000_again_1": 2}
    ids = [frame.info["id"] for frame in outputs["population"].get_frames()]
    assert ids == [frame.info["id"] for frame in copper.get_frames()]
