"""Real PBE labels by Debian's GPAW through the real daemon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms

from aiida_anhcsp.engine.frames import labels_of, write_frames


def test_gpaw_labels_structures_in_concurrent_jobs(launch: Callable, tmp_path: Path) -> None:
    frames = []
    for number, length in enumerate((1.5, 1.6)):
        atoms = Atoms("H", cell=np.eye(3) * length, pbc=True)
        atoms.info = {"id": f"g000-{number:04d}", "round": 0}
        frames.append(atoms)
    write_frames(tmp_path / "hydrogen.extxyz", frames)
    label = {
        "engine": "gpaw",
        "code": "gpaw-python@localhost",
        "chunk_size": 1,
        "max_concurrent": 2,
        "settings": {
            "cutoff": 300,
            "kpoints_spacing": 1.0,
            "xc": "PBE",
            "smearing": 0.2,
            "energy_tolerance": 1e-4,
            "max_iterations": 60,
        },
    }
    node = launch("label", {"population": str(tmp_path / "hydrogen.extxyz"), "label": label})
    assert node.is_finished_ok, node.exit_message
    labelled = node.outputs.population.get_frames()
    assert [frame.info["label_origin"] for frame in labelled] == ["gpaw", "gpaw"]
    assert len({frame.info["label_settings"] for frame in labelled}) == 1
    labels = labels_of(labelled[0])
    assert np.allclose(labels["forces"], 0, atol=1e-3)
    assert np.allclose(labels["stress"][:3], labels["stress"][0], atol=1e-3)
