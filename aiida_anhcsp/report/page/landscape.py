"""The landscape of a run: a map of its structures, with each structure to turn (chemiscope)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import chemiscope
import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ...engine.frames import bare
from ...engine.search.fingerprint import fingerprint

MOST = 500
"""structures on a map; a browser turns no more than about a thousand smoothly"""

DIGITS = 9
"""Of the coordinates: less is noise, and the map of one crystal is a point."""


def library() -> str:
    """The chemiscope program, to be put into a page: nothing is loaded from the network.

    Fraux et al., J. Open Source Softw. 5, 2117 (2020).
    """
    return files("chemiscope").joinpath("sphinx", "static", "chemiscope.min.js").read_text()


def coordinates(frames: Sequence[Atoms]) -> NDArray[np.float64]:
    """The two principal components of the structures' fingerprints, shape (n, 2): near on the map is alike."""
    elements = sorted({symbol for frame in frames for symbol in frame.symbols})
    prints = np.array([fingerprint(frame, elements) for frame in frames])
    centred = prints - prints.mean(axis=0)
    vectors, values, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(frames), 2))
    kept = min(2, len(values))
    places[:, :kept] = vectors[:, :kept] * values[:kept]
    return np.round(places, DIGITS)


def landscape(frames: Sequence[Atoms], title: str, hull: bool = False) -> dict[str, Any]:
    """Chemiscope data set of relaxed structures, the lowest :data:`MOST` of them.

    :param frames: with ``enthalpy`` (eV/atom), ``id`` and what else their info says
    :param hull: their ``fitness`` is the distance from the hull of compositions (eV/atom), and says what is low
    """
    key, above = (
        ("fitness", "above the hull (meV/atom)") if hull else ("enthalpy", "energy above the lowest (meV/atom)")
    )
    chosen = sorted(frames, key=lambda frame: (frame.info[key], frame.info["id"]))[:MOST]
    places = coordinates(chosen)
    lowest = 0.0 if hull else chosen[0].info[key]
    properties = {
        "map 1": places[:, 0].tolist(),
        "map 2": places[:, 1].tolist(),
        above: [1000 * float(frame.info[key] - lowest) for frame in chosen],
        "volume (A^3/atom)": [frame.get_volume() / len(frame) for frame in chosen],
        "generation": [int(frame.info.get("generation", 0)) for frame in chosen],
        "structure": [str(frame.info["id"]) for frame in chosen],
        "space group": [str(frame.info.get("spacegroup", "unknown")) for frame in chosen],
        "made by": [str(frame.info.get("operator", "unknown")) for frame in chosen],
    }
    settings = chemiscope.quick_settings(
        x="map 1",
        y="map 2",
        map_color=above,
        periodic=True,
        structure_settings={"unitCell": True, "supercell": [2, 2, 2], "keepOrientation": False},
    )
    dataset: dict[str, Any] = chemiscope.create_input(
        structures=[_plain(frame) for frame in chosen],
        properties={name: {"target": "structure", "values": values} for name, values in properties.items()},
        metadata={"name": title},
        settings=settings,
    )
    return dataset


def _plain(frame: Atoms) -> Atoms:
    plain = bare(frame)
    plain.info = {}
    return plain
