"""Settings of labels, told apart."""

from __future__ import annotations

from aiida_anhcsp.engine.labels import settings_hash


def test_the_hash_does_not_depend_on_order_or_on_how_a_number_is_written():
    assert settings_hash("gpaw", {"cutoff": 500, "xc": "PBE"}) == settings_hash("gpaw", {"xc": "PBE", "cutoff": 500.0})


def test_other_settings_and_other_codes_have_other_hashes():
    reference = settings_hash("gpaw", {"cutoff": 500})
    assert len({reference, settings_hash("gpaw", {"cutoff": 520}), settings_hash("vasp", {"cutoff": 500})}) == 3
