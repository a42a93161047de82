"""Identical structures, in words."""

from __future__ import annotations

from aiida_anhcsp.report.identical import identical_text


def test_line_says_how_far_identical_structures_are_apart_before_and_after_the_correction() -> None:
    divergence = {"gibbs_free_energy_corrected": 0.84, "gibbs_free_energy": 31.2}
    entry = {"pressure": 130.0, "temperature": 0.0, "ids": ["g000-0001", "g000-0004"], "divergence": divergence}
    assert identical_text({"identical": [entry]}) == (
        "one crystal (130 GPa, 0 K): g000-0001, g000-0004; meV/atom apart: G 31.2, G corrected 0.8"
    )
    assert identical_text({"rows": []}) == ""
