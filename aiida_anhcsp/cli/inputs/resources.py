"""Codes, potentials, populations and structures that an input file names, looked up and loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from aiida.common.exceptions import MultipleObjectsError, NotExistent
from aiida.orm import AbstractCode, ProcessNode, SinglefileData, StructureData, load_code, load_node

from ...calculations.functions.population import population_of_structures
from ...data.population import PopulationData
from ...data.potential import PotentialData
from ...engine.errors import InputError
from ...engine.frames import read_frames
from ...engine.potentials.resolve import BUNDLED_DATASETS
from ...workflows.settings import SschaStages
from .potentials import find_potential, is_within_reach
from .problems import InvalidInputError

Found = TypeVar("Found")


class Resources:
    """Looks up what an input file names, and remembers what is wrong or missing.

    ``problems`` are mistakes in the input; ``missing`` is what only has to be set up on this machine, and
    ``downloads`` what a launch would fetch: a plan can do without both.
    """

    def __init__(self, folder: Path, download: bool = True) -> None:
        """
        :param folder: what the relative paths of the input file are relative to
        :param download: whether a pretrained model may be fetched
        """
        self.folder = folder
        self.download = download
        self.problems: list[InputError] = []
        self.missing: list[InputError] = []
        self.downloads: list[InputError] = []

    def code(self, field: str, label: str | int) -> AbstractCode | None:
        """The code with this label, PK or UUID."""
        try:
            code: AbstractCode = load_code(label)
        except (NotExistent, MultipleObjectsError, ValueError):
            fix = "run aiida-anhcsp setup on this machine, or verdi code create core.code.installed for a cluster"
            self.missing.append(InputError(field, f"no code {label!r} in this profile", fix))
            return None
        return code

    def potential(self, field: str, value: str | int) -> PotentialData | None:
        """The potential with this specification, label, PK or UUID."""

        def find() -> PotentialData | None:
            if not self.download and not is_within_reach(value):
                fix = "it is downloaded at launch; without network, import a file: aiida-anhcsp potential import"
                self.downloads.append(InputError(field, f"{value} is not on this machine", fix))
                return None
            return find_potential(value, field)

        return self._noting(find)

    def population(self, field: str, value: str | int) -> PopulationData | None:
        """A stored population, a file of structures, or the dataset of a bundled model by its name."""

        def find() -> PopulationData:
            node = self._node(value, field)
            if isinstance(node, PopulationData):
                return node
            if node is not None:
                raise InputError(field, f"node {value} is no population", "give the PK of a population, or a file")
            path = BUNDLED_DATASETS.get(str(value), self.folder / str(value))
            return PopulationData.from_frames(read_frames(path, field))

        return self._noting(find)

    def seeds(self, field: str, value: str | int | list[int | str]) -> PopulationData | None:
        """Structures to begin with: a population, an earlier run, a file, or stored structures, one or a list."""

        def find() -> PopulationData | None:
            nodes = [self._node(each, field) for each in (value if isinstance(value, list) else [value])]
            if all(isinstance(node, StructureData) for node in nodes):
                names = {f"structure_{place:05d}": node for place, node in enumerate(nodes)}
                population: PopulationData = population_of_structures(**names)
                return population
            if isinstance(value, list):
                raise InputError(field, "not all are stored structures", "give PKs of structures, or one file")
            if isinstance(nodes[0], ProcessNode) and "population" in nodes[0].outputs:
                earlier: PopulationData = nodes[0].outputs.population
                return earlier
            return self.population(field, value)

        return self._noting(find)

    def structure(self, field: str, value: str | int) -> StructureData | None:
        """A stored structure, or a file with one."""

        def find() -> StructureData:
            node = self._node(value, field)
            if isinstance(node, StructureData):
                return node
            if node is not None:
                raise InputError(field, f"node {value} is no structure", "give the PK of a structure, or a file")
            frames = read_frames(self.folder / str(value), field)
            if len(frames) != 1:
                raise InputError(field, f"{value} holds {len(frames)} structures", "give a file with one")
            return StructureData(ase=frames[0])

        return self._noting(find)

    def check_stages(
        self, field: str, settings: SschaStages, structure: StructureData | None, potential: PotentialData | None
    ) -> None:
        """Note a structure that is no crystal, and supercells that do not suit it."""
        if structure is not None and potential is not None:
            self._noting(lambda: settings.stages_for(structure.get_ase(), potential.cutoff, field))

    def file(self, field: str, value: str) -> SinglefileData | None:
        """A file of any kind, such as a pseudopotential."""
        path = self.folder / value
        if not path.is_file():
            self.problems.append(InputError(field, f"no file {path}", "give the path of a file"))
            return None
        return SinglefileData(path.resolve())

    def sscha_run(self, field: str, value: str | int) -> ProcessNode | None:
        """A finished SSCHA run with its audit, by PK or UUID."""

        def find() -> ProcessNode:
            fix = "give the PK of an anhcsp.sscha run"
            node = self._node(value, field, fix)
            outputs = set(node.outputs) if isinstance(node, ProcessNode) else set()
            if not {"result", "dynamical_matrices", "audit"} <= outputs:
                raise InputError(field, f"{value} is no SSCHA run with an audit", fix)
            return node

        return self._noting(find)

    def check(self) -> None:
        """Stop at what is wrong with the input.

        :raises InvalidInputError: there are problems.
        """
        if self.problems:
            raise InvalidInputError(self.problems)

    def _node(self, value: str | int, field: str, fix: str = "give another PK, or a file") -> Any:
        """The node that a value means, None where it is a file or no node.

        :raises InputError: it is a PK of no node.
        """
        if isinstance(value, str) and (self.folder / value).is_file():
            return None
        try:
            return load_node(value)
        except (NotExistent, ValueError) as error:
            if isinstance(value, int):
                raise InputError(field, f"no node {value} in this profile", fix) from error
            return None

    def _noting(self, find: Callable[[], Found]) -> Found | None:
        try:
            return find()
        except InputError as error:
            self.problems.append(error)
            return None
