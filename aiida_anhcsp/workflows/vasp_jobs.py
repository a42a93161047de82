"""VASP through aiida-vasp's restart work chain ``vasp.v2.vasp``, one structure a child."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from aiida.common import NotExistent
from aiida.engine import ProcessSpec
from aiida.orm import Bool, Data, Dict, Float, Int, ProcessNode, Str
from aiida.plugins import WorkflowFactory
from aiida_vasp.data.potcar import PotcarData

from ..calculations.base import known_keys
from ..calculations.functions.vasp import vasp_structure
from .chunked import ChunkedWorkChain
from .submission import call_once, submit_once

STATIC_INCAR: dict[str, Any] = {
    "gga": "PE",
    "prec": "Accurate",
    "encut": 500,
    "ediff": 1e-6,
    "nelm": 120,
    "ismear": 1,
    "sigma": 0.1,
    "ispin": 1,
    "ibrion": -1,
    "nsw": 0,
    "isif": 2,
    "isym": 0,
    "lreal": False,
    "lwave": False,
    "lcharg": False,
    "lvhar": False,
}
"""PBE as in the H3S study, without symmetry, tight enough for forces."""

KPOINTS_SPACING = 0.03
"""2 pi/angstrom, as aiida-vasp and the H3S study have it."""

DEFAULT_OPTIONS: dict[str, Any] = {
    "resources": {"num_machines": 1, "num_mpiprocs_per_machine": 1},
    "withmpi": False,
}

PARSER: dict[str, Any] = {
    "include_quantity": ["forces", "stress"],
    "energy_type": ["energy_free"],
}
"""The free energy is what forces and stress derive from; aiida-vasp takes the extrapolated one by default."""


class VaspJobsWorkChain(ChunkedWorkChain):
    """A population shared out to VASP, one structure a job; aiida-vasp's handlers restart what can be restarted."""

    INCAR: ClassVar[dict[str, Any]] = STATIC_INCAR
    PARSER_SETTINGS: ClassVar[dict[str, Any]] = PARSER

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        del spec.inputs["chunk_size"], spec.inputs["max_attempts"]
        spec.inputs["code"].help = "The VASP executable, a code of the plugin vasp.vasp."
        spec.inputs["max_concurrent"].default = 8
        spec.input(
            "potential_family",
            valid_type=Str,
            validator=_validate_family,
            help="POTCAR family, as uploaded with aiida-vasp potcar uploadfamily. POTCARs travel in archives.",
        )
        spec.input(
            "potential_mapping",
            valid_type=Dict,
            required=False,
            help="POTCAR of each element, such as {'H': 'H', 'La': 'La'}; the element's own name if absent.",
        )
        spec.input(
            "settings",
            valid_type=Dict,
            default=lambda: Dict({}),
            validator=known_keys("settings", "incar", "kpoints_spacing"),
            help=f"incar: tags that complete or replace {cls.INCAR}; kpoints_spacing: 2 pi/angstrom, "
            f"{KPOINTS_SPACING} if absent.",
        )
        spec.inputs.validator = _validate_mapping

    @property
    def chunks(self) -> list[tuple[str, int, int]]:
        """One structure in a job."""
        return [(f"structure_{index:04d}", index, index + 1) for index in range(self.inputs.population.count)]

    def incar(self) -> dict[str, Any]:
        """The INCAR of every job."""
        return {**self.INCAR, **self.inputs.settings.get_dict().get("incar", {})}

    def all_settings(self) -> Dict:
        """Everything that decides the numbers: INCAR, k points and POTCARs."""
        return Dict(
            {
                "incar": self.incar(),
                "kpoints_spacing": self.kpoints_spacing,
                "potential_family": self.inputs.potential_family.value,
                "potential_mapping": self.mapping(),
            }
        )

    @property
    def kpoints_spacing(self) -> float:
        """2 pi/angstrom"""
        return float(self.inputs.settings.get_dict().get("kpoints_spacing", KPOINTS_SPACING))

    def mapping(self) -> dict[str, str]:
        """POTCAR of each element of the population."""
        return _mapping(self.inputs)

    def submit_chunk(self, label: str, start: int, stop: int) -> ProcessNode:
        """Submit VASP for one structure."""
        structure = call_once(
            self, f"write_{label}", vasp_structure, population=self.inputs.population, index=Int(start)
        )
        inputs: dict[str, Any] = {
            "code": self.inputs.code,
            "structure": structure,
            "kpoints_spacing": Float(self.kpoints_spacing),
            "potential_family": self.inputs.potential_family,
            "potential_mapping": Dict(self.mapping()),
            "parameters": Dict({"incar": self.incar()}),
            "settings": Dict({"parser_settings": self.PARSER_SETTINGS}),
            "clean_workdir": Bool(True),
        }
        options = {**DEFAULT_OPTIONS, **(self.inputs.options.get_dict() if "options" in self.inputs else {})}
        inputs["calc"] = {"metadata": {"options": options}}
        return submit_once(self, label, WorkflowFactory("vasp.v2.vasp"), inputs)

    def result_of(self, child: ProcessNode) -> Data | None:
        """What VASP says of a structure, where it ended well."""
        return child.outputs.misc if child.is_finished_ok and "misc" in child.outputs else None


def _mapping(inputs: Mapping[str, Any]) -> dict[str, str]:
    given = inputs["potential_mapping"].get_dict() if "potential_mapping" in inputs else {}
    elements = sorted({symbol for frame in inputs["population"].get_frames() for symbol in frame.symbols})
    return {element: given.get(element, element) for element in elements}


def _validate_family(value: Str, _: Any) -> str | None:
    if PotcarData.get_potcar_group(value.value) is not None:
        return None
    return (
        f"potential_family: no POTCAR family {value.value!r}; upload one with "
        "aiida-vasp potcar uploadfamily --path DIR --name NAME"
    )


def _validate_mapping(inputs: Mapping[str, Any], _: Any) -> str | None:
    if "population" not in inputs or "potential_family" not in inputs:
        return None
    mapping = _mapping(inputs)
    try:
        PotcarData.get_potcars_dict(list(mapping), inputs["potential_family"].value, mapping)
    except NotExistent as error:
        return f"potential_mapping: {error}; name one that the family has"
    return None
