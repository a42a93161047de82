"""The interface of all label engines: a population in, a labelled population out."""

from __future__ import annotations

from aiida.engine import ProcessSpec

from ..chunked import ChunkedWorkChain


class LabelWorkChain(ChunkedWorkChain):
    """Energies, forces and stresses of all structures of a population by a reference method.

    The structures are shared out to jobs of ``chunk_size``, at most ``max_concurrent`` of them at a time. A
    structure whose label fails is reported and left out; that is fatal only above ``max_failed_fraction``.
    """

    DONE = "labelled"

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        spec.inputs["population"].help = "Structures to label."
        spec.inputs["code"].help = "The program that computes the labels."
        spec.outputs[
            "population"
        ].help = "The labelled structures, in their order: energy (eV), forces (eV/angstrom), stress (eV/angstrom^3)."
