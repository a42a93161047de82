"""The interface of all DFT relaxations: a population in, a relaxed population out."""

from __future__ import annotations

from aiida.engine import ProcessSpec
from aiida.orm import Float

from ..chunked import ChunkedWorkChain


class DftRelaxWorkChain(ChunkedWorkChain):
    """Relaxation of all structures of a population at a pressure by DFT.

    The structures are shared out to jobs of ``chunk_size``, at most ``max_concurrent`` of them at a time. A
    structure that fails is reported and left out; that is fatal only above ``max_failed_fraction``.
    """

    DEFAULT_CHUNK_SIZE = 1
    DONE = "relaxed"

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        spec.inputs["population"].help = "Structures to relax."
        spec.inputs["code"].help = "The program that relaxes them."
        spec.input("pressure", valid_type=Float, help="Target pressure, GPa.")
        spec.outputs[
            "population"
        ].help = (
            "The relaxed structures, in their order, with status, enthalpy (eV/atom), steps, spacegroup and labels."
        )
