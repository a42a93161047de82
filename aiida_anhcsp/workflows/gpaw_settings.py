"""Settings of GPAW's jobs: what may be given, and what holds where nothing is."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, field_validator

from ..engine.errors import InputError
from .settings import Settings

FUNCTIONALS = (
    *("LDA", "PW91", "PBE", "PBEsol", "revPBE", "RPBE", "BLYP", "HCTH407", "WC", "AM05"),
    *("M06-L", "TPSS", "revTPSS", "mBEEF", "SCAN"),
    *("vdW-DF", "vdW-DF2", "vdW-DF-cx", "optPBE-vdW", "optB88-vdW", "C09-vdW", "BEEF-vdW", "mBEEF-vdW"),
)
"""Names that GPAW 22.8 knows (gpaw.xc) of functionals with forces and stresses in plane waves."""

LIBXC = re.compile(r"(LDA|GGA|MGGA)_(XC|X|C|K)_\w+(\+(LDA|GGA|MGGA)_C_\w+)?")
"""One functional of libxc, or exchange and correlation."""


class GpawSettings(Settings):
    """Of labels: plane waves up to ``cutoff`` (eV), a Gamma-centred grid of ``kpoints_spacing`` (1/angstrom, 2 pi
    included), ``smearing`` (width of the Fermi-Dirac distribution, eV), ``energy_tolerance`` (eV per valence electron).
    ``magnetic_moment`` (of each atom to begin with, Bohr magnetons) has no default: without it there is no spin.
    """

    cutoff: float = Field(default=500, gt=0, allow_inf_nan=False)
    kpoints_spacing: float = Field(default=0.5, gt=0, allow_inf_nan=False)
    xc: str = "PBE"
    smearing: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    energy_tolerance: float = Field(default=1e-5, gt=0, allow_inf_nan=False)
    max_iterations: int = Field(default=120, ge=1)
    magnetic_moment: float | None = Field(default=None, allow_inf_nan=False)

    @field_validator("xc")
    @classmethod
    def _functional_is_known(cls, value: str) -> str:
        if value not in FUNCTIONALS and not LIBXC.fullmatch(value):
            fix = f"give one of {', '.join(FUNCTIONALS)}, or names of libxc such as GGA_X_PBE+GGA_C_PBE"
            raise InputError("xc", f"GPAW knows no functional {value!r}", fix)
        return value

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The settings that hold where they are not given."""
        return {name: field.default for name, field in cls.model_fields.items() if field.default is not None}


class GpawRelaxSettings(GpawSettings):
    """Of relaxations: also ``fmax`` (eV/angstrom) and ``max_steps``."""

    fmax: float = Field(default=0.02, gt=0, allow_inf_nan=False)
    max_steps: int = Field(default=60, ge=1)
