"""``get_builder_from_protocol`` of the work chains that label or relax by a reference method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.engine import ProcessBuilder
from aiida.engine.processes.ports import PortNamespace
from aiida.orm import AbstractCode, Float, to_aiida_type

from ...data.population import PopulationData
from .builders import Overrides, as_node, filled
from .mixin import ProtocolMixin

PLAIN = (str, int, float, dict)


class LabelProtocol(ProtocolMixin):
    """Builder of ``anhcsp.label.*``."""

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: AbstractCode,
        population: PopulationData,
        *,
        protocol: str | None = None,
        overrides: Overrides = None,
        options: Mapping[str, Any] | None = None,
        **inputs: Any,
    ) -> ProcessBuilder:
        """Builder of the labels of ``population``.

        :param code: the reference's program
        :param overrides: ``settings`` and ``max_failed_fraction``, merged into those of the protocol
        :param options: scheduler options of the reference's jobs
        :param inputs: what else the reference takes: ``potential_family`` and ``potential_mapping`` (VASP),
            ``pseudopotentials`` (ESPRESSO), ``potential`` (ASE)
        """
        chosen = cls.get_protocol_inputs(protocol, overrides)
        return filled(
            cls.get_builder(),  # type: ignore[attr-defined]
            code=code,
            population=population,
            settings=as_node(chosen.get("settings")),
            max_failed_fraction=Float(chosen["max_failed_fraction"]),
            options=as_node(options),
            **{name: cls._as_input(name, each) for name, each in inputs.items()},
        )

    @classmethod
    def _as_input(cls, name: str, value: Any) -> Any:
        port = cls.spec().inputs[name]  # type: ignore[attr-defined]
        plain = isinstance(value, PLAIN) and not isinstance(port, PortNamespace)
        return to_aiida_type(value) if plain else value


class DftRelaxProtocol(LabelProtocol):
    """Builder of ``anhcsp.dft_relax.*``."""

    @classmethod
    def get_builder_from_protocol(  # type: ignore[override]
        cls, code: AbstractCode, population: PopulationData, pressure: float, **keywords: Any
    ) -> ProcessBuilder:
        """Builder of a relaxation at ``pressure`` (GPa); see :class:`LabelProtocol`."""
        builder = super().get_builder_from_protocol(code, population, **keywords)
        builder.pressure = Float(pressure)
        return builder
