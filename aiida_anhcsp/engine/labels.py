"""Reference labels: what settings they were computed with, and how they join the frames they belong to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ase import Atoms

from .frames import labels_of, with_labels


def settings_hash(origin: str, settings: Mapping[str, Any]) -> str:
    """Twelve hexadecimal characters that are equal for equal settings; labels of different ones must not be mixed.

    :param origin: the code that computes the labels, such as ``gpaw``
    :param settings: all of its settings, defaults included; numbers are compared as floats
    """
    canonical = json.dumps([origin, _canonical(settings)], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def join_labels(
    frames: Sequence[Atoms], results: Mapping[int, Atoms], failures: Mapping[int, str], origin: str, settings: str
) -> tuple[list[Atoms], dict[str, str]]:
    """Labelled copies of ``frames``, in order, and the reasons for those left out.

    :param results: what came back, by index: a frame with energy (eV), forces (eV/angstrom) and stress
        (eV/angstrom^3), or a frame without, whose ``reason`` says why
    :param failures: reasons for frames that did not come back, by index
    :param origin: becomes ``label_origin``
    :param settings: becomes ``label_settings``
    :return: labelled frames, and reason by ``id``
    """
    labelled, failed = [], {}
    for index, frame in enumerate(frames):
        identity = str(frame.info.get("id", index))
        result = results.get(index)
        if result is None:
            failed[identity] = failures.get(index, "no label came back")
        elif not {"energy", "forces", "stress"} <= set(labels_of(result)):
            failed[identity] = str(result.info.get("reason", "energy, forces or stress are missing"))
        elif result.get_chemical_symbols() != frame.get_chemical_symbols():
            failed[identity] = "the label belongs to other atoms"
        else:
            marks: dict[str, Any] = {"label_origin": origin, "label_settings": settings}
            marks["status"] = result.info.get("status", "ok")
            labelled.append(with_labels(frame, **labels_of(result), **marks))
    return labelled, failed


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _canonical(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(member) for member in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
