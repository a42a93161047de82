"""``get_builder_from_protocol`` of the work chains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.engine import ProcessBuilder
from aiida.orm import AbstractCode, Dict, ProcessNode, StructureData

from ...data.population import PopulationData
from ...data.potential import PotentialData
from .mixin import ProtocolMixin, merged

Overrides = Mapping[str, Any] | None


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
        builder = cls.get_builder()  # type: ignore[attr-defined]
        builder.code, builder.potential = code, potential
        builder.settings = Dict({"formula": formula, "pressure": pressure, **inputs["settings"]})
        if label_engine is not None:
            builder.learning = {
                "settings": Dict(inputs["learning"]),
                "label_engine": label_engine,
                "label": dict(label or {}),
            }
        if options:
            builder.options = Dict(dict(options))
        return builder


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
        """Builder of an SSCHA relaxation at ``pressure`` (GPa) and ``temperature`` (K); see :class:`SearchProtocol`."""
        inputs = cls.get_protocol_inputs(protocol, overrides)
        builder = cls.get_builder()  # type: ignore[attr-defined]
        builder.code, builder.potential, builder.structure = code, potential, structure
        builder.settings = Dict({"pressure": pressure, "temperature": temperature, **inputs["settings"]})
        if options:
            builder.options = Dict(dict(options))
        return builder


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
        builder = cls.get_builder()  # type: ignore[attr-defined]
        builder.code, builder.potential, builder.dataset = code, potential, dataset
        builder.settings = Dict(inputs["settings"])
        if options:
            builder.options = Dict(dict(options))
        return builder


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
        search = {
            "code": code,
            "potential": potential,
            "settings": Dict({"formula": formula, "pressure": pressure, **inputs["search"]["settings"]}),
        }
        if label_engine is not None:
            search["learning"] = {
                "settings": Dict(inputs["search"]["learning"]),
                "label_engine": label_engine,
                "label": dict(label or {}),
            }
        if options:
            search["options"] = Dict(dict(options))
        builder = cls.get_builder()  # type: ignore[attr-defined]
        builder.search = search
        builder.sscha = {"settings": Dict(inputs["sscha"])}
        return builder
