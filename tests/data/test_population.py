"""A population as a node."""

from __future__ import annotations

import io

import numpy as np
import pytest
from aiida.orm import QueryBuilder, load_node
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import labels_of, with_labels


def labelled(enthalpy: float, **info):
    atoms = bulk("Cu", cubic=True)
    atoms.info.update(pressure=150.0, enthalpy=enthalpy, status="converged", **info)
    return with_labels(atoms, -1.25, np.full((4, 3), 0.125), np.arange(6) / 8)


def test_frames_come_back_with_info_and_labels_in_order(copper_frames):
    frames = [*copper_frames, labelled(-3.5, id="g001-0000")]
    node = PopulationData.from_frames(frames).store()
    back = load_node(node.pk).get_frames()
    assert [frame.info["id"] for frame in back] == [frame.info["id"] for frame in frames]
    np.testing.assert_allclose(back[1].positions, frames[1].positions, atol=1e-8)
    np.testing.assert_array_equal(labels_of(back[-1])["stress"], np.arange(6) / 8)


def test_attributes_summarise_the_frames():
    frames = [
        labelled(-3.5, id="a", label_origin="gpaw", label_settings="0123456789ab"),
        labelled(-3.75, id="b"),
    ]
    attributes = PopulationData.from_frames(frames).base.attributes.all
    expected = {
        "count": 2,
        "formulas": ["Cu4"],
        "pressure": 150.0,
        "lowest_enthalpy": -3.75,
        "statuses": {"converged": 2},
        "labelled": 1,
        "label_settings": ["0123456789ab"],
    }
    assert {key: attributes[key] for key in expected} == expected


def test_values_that_have_no_meaning_are_absent(copper):
    assert not {"pressure", "lowest_enthalpy"} & set(copper.base.attributes.all)


def test_populations_are_found_by_their_lowest_enthalpy():
    PopulationData.from_frames([labelled(-1.0)]).store()
    low = PopulationData.from_frames([labelled(-77.0)]).store()
    query = QueryBuilder().append(PopulationData, filters={"attributes.lowest_enthalpy": {"<": -50}}, project="id")
    assert query.all(flat=True) == [low.pk]


def test_equal_frames_make_equal_hashes(copper_frames):
    first, second = (PopulationData.from_frames(copper_frames).store() for _ in range(2))
    assert first.base.caching.compute_hash() == second.base.caching.compute_hash()


def test_a_frame_is_found_by_its_identity(copper):
    assert copper.get_frame("g000-0002").info["id"] == "g000-0002"
    with pytest.raises(ValueError, match="no structure g009-0000"):
        copper.get_frame("g009-0000")


def test_an_empty_population_is_refused():
    with pytest.raises(ValueError, match="at least one frame"):
        PopulationData.from_frames([])


def test_a_file_that_is_no_population_is_refused():
    with pytest.raises(InputError, match="valid extended XYZ"):
        PopulationData(io.BytesIO(b"not a structure\n"))


def test_a_population_is_a_table_with_a_row_for_each_frame(copper: PopulationData, copper_frames: list[Atoms]) -> None:
    table = copper.to_dataframe()
    assert list(table["id"]) == [frame.info["id"] for frame in copper_frames]
    assert table["volume"][0] == pytest.approx(copper_frames[0].get_volume() / 4)


def test_a_population_is_pymatgen_structures_with_their_properties(copper: PopulationData) -> None:
    structures = copper.to_pymatgen()
    assert [structure.properties["id"] for structure in structures] == [f"g000-{i:04d}" for i in range(4)]
    assert np.allclose(structures[1].cart_coords, copper.get_frames()[1].positions)


def test_a_notebook_shows_the_lowest_and_no_markup_of_others(copper_frames: list[Atoms]) -> None:
    for index, frame in enumerate(copper_frames):
        frame.info |= {"enthalpy": -float(index), "operator": "<b>"}
    text = PopulationData.from_frames(copper_frames)._repr_html_()
    assert text.index("g000-0003") < text.index("g000-0000")
    assert "<b>" not in text


def test_a_population_knows_its_elements():
    population = PopulationData.from_frames([bulk("Cu"), bulk("NaCl", "rocksalt", a=5.6)])
    assert population.elements == ["Cl", "Cu", "Na"]
