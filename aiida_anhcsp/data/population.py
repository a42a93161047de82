"""A population of structures, or a labelled dataset, as one node."""

from __future__ import annotations

import hashlib
import html
import math
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from aiida.orm import SinglefileData
from ase import Atoms
from ase.formula import Formula

from ..engine.frames import bare, labels_of, read_frames, write_frames

if TYPE_CHECKING:
    from pandas import DataFrame
    from pymatgen.core import Structure

SHOWN = ("count", "formulas", "pressure", "lowest_enthalpy", "lowest_gibbs_free_energy", "statuses", "labelled")
ROWS = 10
"""Rows of a population that a notebook shows."""


class PopulationData(SinglefileData):
    """Frames in one extended XYZ file, with summary attributes to query.

    Every frame has an ``id`` that is unique in its run; a labelled dataset is a population whose frames carry
    reference labels and ``label_origin``. Attributes, absent where they have no meaning:

    ``count``
        number of frames
    ``formulas``
        sorted Hill formulas that occur (``H3S``, ``H6S2``)
    ``pressure``
        GPa, where all frames name one and the same
    ``lowest_enthalpy``
        eV/atom, over the frames that have one; ``lowest_gibbs_free_energy`` likewise
    ``statuses``
        number of frames by status
    ``labelled``
        number of frames with reference labels
    ``label_settings``
        sorted hashes of the settings these labels were computed with
    ``sha256``
        of the file
    """

    DEFAULT_FILENAME = "population.extxyz"

    @classmethod
    def from_frames(cls, frames: Iterable[Atoms]) -> PopulationData:
        """Unstored node with these frames, in this order.

        :raises ValueError: no frame is given.
        """
        frames = list(frames)
        if not frames:
            raise ValueError("a population needs at least one frame")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / cls.DEFAULT_FILENAME
            write_frames(path, frames)
            return cls(path)

    def set_file(self, file: str | Path | IO[Any], filename: str | Path | None = None) -> None:
        """Take over ``file`` (path or handle of an extended XYZ file) and summarise it.

        :raises InputError: the file is unreadable or holds no frame.
        """
        super().set_file(file, filename=self.DEFAULT_FILENAME if filename is None else filename)
        digest = hashlib.sha256(self.get_content(mode="rb")).hexdigest()
        self.base.attributes.set_many({**summary(self.get_frames()), "sha256": digest})

    def get_frames(self) -> list[Atoms]:
        """All frames, in order; labels are in ``atoms.calc``."""
        with self.as_path() as path:
            return read_frames(path, "population")

    def get_frame(self, identity: str) -> Atoms:
        """The frame whose ``id`` is ``identity``.

        :raises ValueError: there is none.
        """
        for frame in self.get_frames():
            if frame.info.get("id") == identity:
                return frame
        raise ValueError(f"population has no structure {identity}; see the id of its frames")

    def to_pymatgen(self) -> list[Structure]:
        """All frames as pymatgen structures, in order, what is known of each in its ``properties``."""
        from pymatgen.io.ase import AseAtomsAdaptor

        structures = []
        for frame in self.get_frames():
            structure = AseAtomsAdaptor.get_structure(bare(frame))
            structure.properties = dict(frame.info)
            structures.append(structure)
        return structures

    def to_dataframe(self) -> DataFrame:
        """A row for each frame: ``formula``, ``volume`` (angstrom^3/atom), ``energy`` (eV/atom) and its info."""
        import pandas

        return pandas.DataFrame([_row(frame) for frame in self.get_frames()])

    def _repr_html_(self) -> str:
        """What a notebook shows: the summary, and the lowest structures."""
        table = self.to_dataframe()
        if "enthalpy" in table:
            table = table.sort_values("enthalpy")
        known = {key: value for key, value in self.base.attributes.all.items() if key in SHOWN}
        summary = ", ".join(f"{key} {value}" for key, value in known.items())
        head = f"PopulationData {self.uuid}: {summary}"
        return f"<p>{html.escape(head)}</p>{table.head(ROWS).to_html(index=False, na_rep='')}"

    @property
    def count(self) -> int:
        """Number of frames."""
        return int(self.base.attributes.get("count"))

    @property
    def elements(self) -> list[str]:
        """Chemical symbols of all frames, sorted."""
        return sorted({symbol for formula in self.base.attributes.get("formulas") for symbol in Formula(formula)})

    def __len__(self) -> int:
        return self.count


def summary(frames: list[Atoms]) -> dict[str, Any]:
    """Attributes of a population (see :class:`PopulationData`)."""
    pressures = {float(frame.info["pressure"]) for frame in frames if "pressure" in frame.info}
    enthalpies = [float(frame.info["enthalpy"]) for frame in frames if "enthalpy" in frame.info]
    gibbs = [float(frame.info["gibbs_free_energy"]) for frame in frames if "gibbs_free_energy" in frame.info]
    labelled = [frame for frame in frames if "label_origin" in frame.info and "forces" in labels_of(frame)]
    attributes = {
        "count": len(frames),
        "formulas": sorted({frame.get_chemical_formula() for frame in frames}),
        "pressure": pressures.pop() if len(pressures) == 1 else None,
        "lowest_enthalpy": min((value for value in enthalpies if math.isfinite(value)), default=None),
        "lowest_gibbs_free_energy": min(gibbs, default=None),
        "statuses": dict(Counter(str(frame.info["status"]) for frame in frames if "status" in frame.info)),
        "labelled": len(labelled),
        "label_settings": sorted({str(f.info["label_settings"]) for f in labelled if "label_settings" in f.info}),
    }
    return {key: value for key, value in attributes.items() if value is not None}


def _row(frame: Atoms) -> dict[str, Any]:
    known = labels_of(frame)
    row = {"formula": frame.get_chemical_formula(), "volume": frame.get_volume() / len(frame)}
    if "energy" in known:
        row["energy"] = float(known["energy"]) / len(frame)
    return {**{key: frame.info[key] for key in ("id",) if key in frame.info}, **row, **frame.info}
