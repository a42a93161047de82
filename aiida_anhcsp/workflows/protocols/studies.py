"""``get_builder_from_protocol`` of relaxations, phase diagrams and SSCHA with a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiida.engine import ProcessBuilder
from aiida.orm import AbstractCode, Dict, Float, ProcessNode, Str, StructureData

from ...data.population import PopulationData
from ...data.potential import PotentialData
from .builders import Overrides, as_node, filled
from .mixin import ProtocolMixin


class RelaxProtocol(ProtocolMixin):
    """Builder of ``anhcsp.relax``."""

    PROTOCOL_FILE = "relax.yaml"

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: AbstractCode,
        potential: PotentialData,
        population: PopulationData,
        pressure: float,
        *,
        protocol: str | None = None,
        overrides: Overrides = None,
        options: Mapping[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Builder of a relaxation of ``population`` at ``pressure`` (GPa); see :class:`.builders.SearchProtocol`."""
        return filled(
            cls.get_builder(),  # type: ignore[attr-defined]
            code=code,
            potential=potential,
            population=population,
            pressure=Float(pressure),
            settings=Dict(cls.get_protocol_inputs(protocol, overrides)["settings"]),
            options=as_node(options),
        )


class PhaseDiagramProtocol(ProtocolMixin):
    """Builder of ``anhcsp.phase_diagram``."""

    PROTOCOL_FILE = "phase_diagram.yaml"

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: AbstractCode,
        potential: PotentialData,
        structures: PopulationData,
        pressures: Sequence[float],
        temperatures: Sequence[float] | None = None,
        *,
        protocol: str | None = None,
        overrides: Overrides = None,
        options: Mapping[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Builder of a phase diagram of ``structures``; see :class:`.builders.SearchProtocol`.

        :param pressures: GPa
        :param temperatures: K, those of the protocol if not given
        """
        settings = {**cls.get_protocol_inputs(protocol, overrides)["settings"], "pressures": list(pressures)}
        if temperatures is not None:
            settings["temperatures"] = list(temperatures)
        return filled(
            cls.get_builder(),  # type: ignore[attr-defined]
            code=code,
            potential=potential,
            structures=structures,
            settings=Dict(settings),
            options=as_node(options),
        )


class ActiveProtocol(ProtocolMixin):
    """Builder of ``anhcsp.active_sscha``."""

    PROTOCOL_FILE = "active.yaml"

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: AbstractCode,
        structure: StructureData,
        pressure: float,
        temperature: float,
        label_engine: str,
        label: Mapping[str, Any],
        *,
        protocol: str | None = None,
        overrides: Overrides = None,
        options: Mapping[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Builder of an SSCHA with a potential learned for it, at ``pressure`` (GPa) and ``temperature`` (K).

        :param label_engine: entry point of the label work chain
        :param label: its inputs, without the population
        :param overrides: ``settings``, merged into those of the protocol
        """
        settings = cls.get_protocol_inputs(protocol, overrides)["settings"]
        return filled(
            cls.get_builder(),  # type: ignore[attr-defined]
            code=code,
            structure=structure,
            settings=Dict({"pressure": pressure, "temperature": temperature, **settings}),
            label_engine=Str(label_engine),
            label=dict(label),
            options=as_node(options),
        )


class ActiveLibraryProtocol(ProtocolMixin):
    """Builder of ``anhcsp.active_library``."""

    PROTOCOL_FILE = "active.yaml"

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: AbstractCode,
        structures: PopulationData,
        pressure: float,
        temperature: float,
        label_engine: str,
        label: Mapping[str, Any],
        *,
        protocol: str | None = None,
        overrides: Overrides = None,
        options: Mapping[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Builder of SSCHA of several structures with a growing library; see :class:`ActiveProtocol`."""
        settings = cls.get_protocol_inputs(protocol, overrides)["settings"]
        return filled(
            cls.get_builder(),  # type: ignore[attr-defined]
            code=code,
            structures=structures,
            settings=Dict({"pressure": pressure, "temperature": temperature, **settings}),
            label_engine=Str(label_engine),
            label=dict(label),
            options=as_node(options),
        )


class SschaOnLabelsProtocol(ProtocolMixin):
    """Builder of ``anhcsp.sscha_on_labels``."""

    PROTOCOL_FILE = "sscha_on_labels.yaml"

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: AbstractCode,
        sscha: ProcessNode,
        label_engine: str,
        label: Mapping[str, Any],
        *,
        protocol: str | None = None,
        overrides: Overrides = None,
        options: Mapping[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Builder of SSCHA on labels, from the state of a finished ``anhcsp.sscha`` run and at its pressure.

        :param label_engine: entry point of the label work chain
        :param label: its inputs, without the population
        :param overrides: ``settings``, merged into those of the protocol
        """
        settings = cls.get_protocol_inputs(protocol, overrides)["settings"]
        return filled(
            cls.get_builder(),  # type: ignore[attr-defined]
            code=code,
            start=sscha.outputs.dynamical_matrices,
            potential=sscha.inputs.potential,
            settings=Dict({"pressure": sscha.inputs.settings["pressure"], **settings}),
            label_engine=Str(label_engine),
            label=dict(label),
            options=as_node(options),
        )


class HessianProtocol(ProtocolMixin):
    """Builder of ``anhcsp.hessian``."""

    PROTOCOL_FILE = "hessian.yaml"

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: AbstractCode,
        sscha: ProcessNode,
        *,
        protocol: str | None = None,
        overrides: Overrides = None,
        options: Mapping[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Builder of the Hessian at the minimum of a finished ``anhcsp.sscha`` run.

        :param overrides: ``settings``, merged into those of the protocol
        """
        return filled(
            cls.get_builder(),  # type: ignore[attr-defined]
            code=code,
            dynamical_matrices=sscha.outputs.dynamical_matrices,
            potential=sscha.inputs.potential,
            settings=Dict(cls.get_protocol_inputs(protocol, overrides)["settings"]),
            options=as_node(options),
        )
