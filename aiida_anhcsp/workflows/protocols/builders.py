"""``get_builder_from_protocol`` of the work chains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.engine import ProcessBuilder
from aiida.orm import AbstractCode, Dict, ProcessNode, StructureData

from ...data.population import PopulationData
from ...data.potential import PotentialData
from ..settings import SschaRunSettings
from .mixin import ProtocolMixin, merged

Overrides = Mapping[str, Any] | None


def as_node(settings: Mapping[str, Any] | None) -> Dict | None:
    """Settings as a node, or nothing where there are none."""
    return Dict(dict(settings)) if settings else None


def filled(builder: ProcessBuilder, **inputs: Any) -> ProcessBuilder:
    """The builder with these inputs; those that are None are left out."""
    for name, value in inputs.items():
        if value is not None:
            setattr(builder, name, value)
    return builder


def search_inputs(
    code: AbstractCode,
    potential: PotentialData,
    point: Mapping[str, Any],
    protocol: Mapping[str, Any],
    label: Mapping[str, Any] | None,
    label_engine: str | None,
    options: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Inputs of ``anhcsp.search``: those of ``point`` (formula, pressure) and of a protocol; it learns if
    ``label_engine`` is named.
    """
    learning = {"settings": Dict(protocol["learning"]), "label_engine": label_engine, "label": dict(label or {})}
    inputs = {
        "code": code,
        "potential": potential,
        "settings": Dict({**point, **protocol["settings"]}),
        "learning": learning if label_engine is not None else None,
        "options": as_node(options),
    }
    return {name: value for name, value in inputs.items() if value is not None}


class SearchProtocol(ProtocolMixin):
    """Builder of ``anhcsp.search``."""

    PROTOCOL_FILE = "search.yaml"

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: AbstractCode,
        potential: PotentialData,
        formula: str,
        pressure: float,
        *,
        protocol: str | None = None,
        overrides: Overrides = None,
        label: Mapping[str, Any] | None = None,
        label_engine: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Builder of a search; it learns if ``label_engine`` is named.

        :param formula: formula unit, such as H3S
        :param pressure: GPa
        :param overrides: ``settings`` and ``learning``, merged into those of the protocol
        :param label: inputs of the label work chain, without the population
        :param options: scheduler options of the engine's jobs
        """
        inputs = cls.get_protocol_inputs(protocol, overrides)
        point = {"formula": formula, "pressure": pressure}
        search = search_inputs(code, potential, point, inputs, label, label_engine, options)
        return filled(cls.get_builder(), **search)  # type: ignore[attr-defined]


class SschaProtocol(ProtocolMixin):
    """Builder of ``anhcsp.sscha``."""

    PROTOCOL_FILE = "sscha.yaml"

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: AbstractCode,
        potential: PotentialData,
        structure: StructureData,
        pressure: float,
        temperature: float,
        *,
        protocol: str | None = None,
        overrides: Overrides = None,
        options: Mapping[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Builder of an SSCHA relaxation at ``pressure`` (GPa) and ``temperature`` (K); see :class:`SearchProtocol`.

        :raises InputError: wrong settings, or a structure or supercells that SSCHA cannot take
        """
        inputs = cls.get_protocol_inputs(protocol, overrides)
        settings = {"pressure": pressure, "temperature": temperature, **inputs["settings"]}
        SschaRunSettings.parse(settings).stages_for(structure.get_ase(), potential.cutoff)
        return filled(
            cls.get_builder(),  # type: ignore[attr-defined]
            code=code,
            potential=potential,
            structure=structure,
            settings=Dict(settings),
            options=as_node(options),
        )


class CorrectProtocol(ProtocolMixin):
    """Builder of ``anhcsp.correct``."""

    PROTOCOL_FILE = "correct.yaml"

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
        """Builder of the correction of a finished ``anhcsp.sscha`` run; see :class:`SearchProtocol`."""
        inputs = cls.get_protocol_inputs(protocol, overrides)
        builder = cls.get_builder()  # type: ignore[attr-defined]
        builder.code, builder.potential, builder.sscha = code, sscha.inputs.potential, sscha.inputs.settings
        builder.result, builder.audit = sscha.outputs.result, sscha.outputs.audit
        builder.dynamical_matrices = sscha.outputs.dynamical_matrices
        builder.label_engine, builder.label = label_engine, dict(label)
        builder.settings = Dict(inputs["settings"])
        if options:
            builder.options = Dict(dict(options))
        return builder


class FinetuneProtocol(ProtocolMixin):
    """Builder of ``anhcsp.finetune``."""

    PROTOCOL_FILE = "finetune.yaml"

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: AbstractCode,
        potential: PotentialData,
        dataset: PopulationData,
        *,
        protocol: str | None = None,
        overrides: Overrides = None,
        options: Mapping[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Builder of a training of ``potential`` on ``dataset``; see :class:`SearchProtocol`."""
        inputs = cls.get_protocol_inputs(protocol, overrides)
        return filled(
            cls.get_builder(),  # type: ignore[attr-defined]
            code=code,
            potential=potential,
            dataset=dataset,
            settings=Dict(inputs["settings"]),
            options=as_node(options),
        )


class CspProtocol(ProtocolMixin):
    """Builder of ``anhcsp.csp``."""

    PROTOCOL_FILE = "csp.yaml"

    @classmethod
    def get_protocol_inputs(cls, protocol: str | None = None, overrides: Overrides = None) -> dict[str, Any]:
        """``search`` and ``sscha`` settings of a protocol, with ``overrides`` merged into them at every level."""
        own = super().get_protocol_inputs(protocol)
        level = protocol or cls.get_default_protocol()
        parts = {
            "search": SearchProtocol.get_protocol_inputs(level),
            "sscha": SschaProtocol.get_protocol_inputs(level)["settings"],
        }
        return merged(merged(parts, own), overrides or {})

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: AbstractCode,
        potential: PotentialData,
        formula: str,
        pressure: float,
        *,
        protocol: str | None = None,
        overrides: Overrides = None,
        label: Mapping[str, Any] | None = None,
        label_engine: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Builder of the whole path; see :class:`SearchProtocol`.

        :param overrides: ``search`` {``settings``, ``learning``} and ``sscha`` settings
        """
        inputs = cls.get_protocol_inputs(protocol, overrides)
        point = {"formula": formula, "pressure": pressure}
        search = search_inputs(code, potential, point, inputs["search"], label, label_engine, options)
        sscha = {"settings": Dict(inputs["sscha"])}
        return filled(cls.get_builder(), search=search, sscha=sscha)  # type: ignore[attr-defined]
