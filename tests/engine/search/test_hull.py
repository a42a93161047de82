from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.units import GPa

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import with_labels
from aiida_anhcsp.engine.search.gibbs_hull import Phase, gibbs_hull, reach
from aiida_anhcsp.engine.search.hull import hull_distances, hull_mean
from aiida_anhcsp.engine.search.hull_change import hull_change, largest_fall
from aiida_anhcsp.engine.search.label_hull import label_hull, labelled_on_hull


def phase(formula: str, enthalpy: float) -> Atoms:
    return Atoms(formula, info={"enthalpy": enthalpy})


ENDS = [phase("Cu", -1.0), phase("Au2", -2.0)]


def test_distances_in_a_binary_are_those_of_the_tie_line():
    distances = hull_distances([*ENDS, phase("CuAu", -1.7), phase("Cu3Au", -1.25), phase("Cu3Au", -1.45)])
    assert distances == pytest.approx([0.0, 0.0, 0.0, 0.20, 0.0], abs=1e-9)


def test_distances_do_not_depend_on_the_order_or_the_number_of_units():
    frames = [*ENDS, phase("CuAu", -1.4), phase("Cu2Au2", -1.45), phase("CuAu3", -1.6)]
    assert hull_distances(frames) == pytest.approx(hull_distances(frames[::-1])[::-1])


def test_the_mean_falls_with_every_phase_that_moves_the_hull_and_with_no_other():
    grid = [{"Cu": 3, "Au": 1}, {"Cu": 2, "Au": 2}, {"Cu": 1, "Au": 3}]
    assert hull_mean(ENDS, grid) == pytest.approx(-1.5)
    assert hull_mean([*ENDS, phase("CuAu", -1.7)], grid) == pytest.approx(-1.5 - (0.1 + 0.2 + 0.1) / 3)
    assert hull_mean([*ENDS, phase("CuAu", -1.4)], grid) == pytest.approx(-1.5)


def test_a_hull_without_an_element_is_refused():
    with pytest.raises(InputError, match="no phase of Au alone"):
        hull_distances([phase("Cu", -1.0), phase("CuAu", -1.7)])


def relaxed(formula: str, enthalpy: float) -> Atoms:
    return Atoms(formula, info={"enthalpy": enthalpy, "status": "converged"})


HULL = [relaxed("Cu", -1.0), relaxed("Au", -2.0), relaxed("CuAu", -1.7)]


def test_a_hull_moves_by_the_energy_of_formation_that_changed_most():
    lower = [*HULL[:2], relaxed("Cu2Au2", -1.72), relaxed("Cu3Au", -1.45)]
    change = hull_change(HULL, lower)
    assert change.came == ("Cu3Au",) and change.gone == ()
    assert change.largest == pytest.approx(1.45 - (1.0 + 1.7) / 2)
    back = hull_change(lower, HULL)
    assert back.gone == ("Cu3Au",) and back.largest == pytest.approx(change.largest)


def test_what_a_new_potential_shifts_in_proportion_to_an_element_is_no_motion():
    shifted = [relaxed("Cu", -1.5), relaxed("Au", -2.0), relaxed("CuAu", -1.95)]
    assert hull_change(HULL, shifted).largest == pytest.approx(0.0, abs=1e-9)


def test_a_phase_that_comes_on_the_tie_line_does_not_move_the_hull():
    change = hull_change(HULL, [*HULL, relaxed("Cu3Au", -1.3501)])
    assert change.came == ("Cu3Au",) and change.largest == pytest.approx(0.0001)


def test_hulls_of_different_elements_do_not_compare():
    with pytest.raises(InputError, match="only one of the hulls has Au"):
        hull_change(HULL, HULL[:1])


def test_the_hull_falls_most_at_a_phase_of_its_own_or_at_an_element():
    assert largest_fall(HULL, HULL) == pytest.approx(0.0, abs=1e-9)
    assert largest_fall(HULL, [*HULL, relaxed("Cu3Au", -1.37), relaxed("CuAu3", -1.8)]) == pytest.approx(0.02)
    lower = [*HULL, relaxed("Cu2", -1.02)]
    assert largest_fall(HULL, lower) == pytest.approx(0.02)
    assert largest_fall(HULL[:2], [*HULL[:2], relaxed("Cu2", -1.02)]) == pytest.approx(0.02)


def labelled(formula: str, energy: float, name: str, length: float = 3.0) -> Atoms:
    frame = Atoms(formula, cell=[length] * 3, pbc=True, info={"id": name})
    frame.set_scaled_positions([[number / len(frame)] * 3 for number in range(len(frame))])
    return with_labels(frame, energy * len(frame), np.zeros((len(frame), 3)), np.zeros(6))


def test_the_hull_of_labels_takes_the_lowest_of_each_composition_at_the_pressure():
    frames = [labelled("Cu", -1.0, "a"), labelled("Au", -2.0, "b"), labelled("CuAu", -1.4, "c")]
    frames += [labelled("Cu2Au2", -1.3, "d", 3.78), labelled("CuAu", -1.45, "e", 3.3)]
    at_rest = {phase.formula: phase for phase in label_hull(frames, 0.0)}
    assert (at_rest["AuCu"].id, at_rest["AuCu"].labels) == ("e", 3)
    assert at_rest["AuCu"].distance == pytest.approx(0.05)
    squeezed = {phase.formula: phase for phase in label_hull(frames, 10.0)}
    assert squeezed["AuCu"].id == "c"
    assert squeezed["AuCu"].enthalpy == pytest.approx(-1.4 + 10 * GPa * 27.0 / 2)


def test_a_hull_of_labels_needs_those_of_the_elements():
    with pytest.raises(InputError, match="no phase of Cu alone"):
        label_hull([labelled("Au", -2.0, "b"), labelled("CuAu", -1.4, "c")], 0.0)
    assert label_hull([], 0.0) == []


def test_phases_of_the_hull_of_labels_come_without_labels_unless_known_by_their_shape():
    frames = [labelled("Cu", -1.0, "a"), labelled("Au", -2.0, "b"), labelled("Au", -1.9, "f")]
    frames += [labelled("CuAu", -1.7, "c", 3.3), labelled("Cu2Au", -1.1, "d")]
    found = labelled_on_hull(frames, 0.0)
    assert [frame.info["id"] for frame in found] == ["a", "b", "c"]
    assert all(frame.calc is None for frame in found)
    again = labelled("CuAu", -1.6, "c", 3.4)
    (phase,) = [frame for frame in labelled_on_hull([again, *frames], 0.0) if len(frame) == 2]
    assert phase.cell.lengths() == pytest.approx([3.3] * 3), "one id may have been labelled in two rounds"
    wider = Atoms("Cu", cell=[3.02] * 3, pbc=True, info={"id": "g000-0001", "enthalpy": 7.0})
    long = Atoms("Au", cell=[2.5, 2.5, 4.32], pbc=True, info={"id": "g000-0002", "enthalpy": -2.0})
    assert [frame.info["id"] for frame in labelled_on_hull(frames, 0.0, [wider, long])] == ["b", "c"]


def test_a_labelled_phase_takes_no_id_of_a_known_structure():
    frames = [labelled("Cu", -1.0, "a"), labelled("Au", -2.0, "b"), labelled("CuAu", -1.7, "c", 3.3)]
    del frames[1].info["id"]
    known = Atoms("Cu", cell=[2.5, 2.5, 4.32], pbc=True, info={"id": "a", "enthalpy": -1.0})
    assert [frame.info["id"] for frame in labelled_on_hull(frames, 0.0, [known])] == ["label-Cu", "label-Au", "c"]


def test_labels_without_those_of_the_elements_add_no_phases():
    assert labelled_on_hull([labelled("Au", -2.0, "b"), labelled("CuAu", -1.4, "c")], 0.0) == []


CU, AU = Phase("fcc Cu", "Cu", -1.0, 0.0), Phase("fcc Au", "Au", -2.0, 0.0)


def test_without_errors_the_quantum_hull_is_the_hull():
    phases = [CU, AU, Phase("L1_0", "CuAu", -1.7, 0.0), Phase("high", "CuAu", -1.6, 0.0)]
    values = {each.name: each.value for each in gibbs_hull(phases, seed=1)}
    assert values["L1_0"] == pytest.approx(-0.1)
    assert values["high"] == pytest.approx(0.1)
    assert values["fcc Cu"] == 0.0


def test_the_error_of_a_distance_has_its_own_part_and_that_of_the_hull():
    """CuAu over the line of the elements: d = g - (g_Cu + g_Au) / 2."""
    phases = [Phase("a", "Cu", -1.0, 0.02), Phase("b", "Au", -2.0, 0.02), Phase("c", "CuAu", -1.49, 0.01)]
    distance = next(each for each in gibbs_hull(phases, 4000, seed=2) if each.name == "c")
    assert distance.value == pytest.approx(0.01)
    assert distance.error == pytest.approx(np.sqrt(0.01**2 + 2 * 0.01**2), rel=0.05)
    assert 0.2 < distance.stable < 0.4


def test_the_only_phase_of_an_element_is_an_end_of_the_hull_and_an_element_without_any_is_refused():
    phases = [Phase("a", "Cu", -1.0, 0.02), Phase("b", "Au", -2.0, 0.02), Phase("c", "CuAu", -1.49, 0.01)]
    end = next(each for each in gibbs_hull(phases, seed=2) if each.name == "a")
    assert (end.value, end.error, end.stable) == (0.0, 0.0, 1.0)
    with pytest.raises(InputError, match="no phase of Au alone, which the hull refers to"):
        gibbs_hull([phases[0], phases[2]], seed=2)


def test_what_the_errors_of_the_hull_exclude_cannot_reach_it():
    phases = [Phase("a", "Cu", -1.0, 0.02), Phase("b", "Au", -2.0, 0.02)]
    assert reach(phases, "CuAu", 4000, seed=1) == pytest.approx(-1.5 + 3 * np.sqrt(2) * 0.01, abs=0.002)
    assert reach([*phases, Phase("c", "CuAu", -1.7, 0.0)], "CuAu", seed=1) == pytest.approx(-1.7)
    assert reach(phases[:1], "CuAu", seed=1) is None
    assert reach(phases[:1], "Cu3", seed=1) == pytest.approx(-0.94, abs=0.01)


def test_a_negative_error_and_a_name_given_twice_are_refused():
    with pytest.raises(InputError, match="error is negative"):
        gibbs_hull([CU, Phase("x", "Au", 0.0, -1.0)], seed=1)
    with pytest.raises(InputError, match="same name"):
        gibbs_hull([CU, CU], seed=1)
