"""VASP for the tests of its work chains: the executable of the tests as a code, and POTCARs without a potential."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from aiida_vasp.data.potcar import PotcarData

EXECUTABLE = Path(__file__).parents[1] / "executables" / "vasp.py"
POTCAR = """  PAW_PBE {element} 01Jan2000
 11.0000000000000
 parameters from PSCTR are:
   VRHFIN ={element}: valence
   LEXCH  = PE
   EATOM  =  1000.0000 eV
   TITEL  = PAW_PBE {element} 01Jan2000
   LULTRA =        F    use ultrasoft PP ?
   IUNSCR =        1    unscreen: 0-lin 1-nonlin 2-no
   RPACOR =    2.000    partial core radius
   POMASS =   63.546; ZVAL   =   11.000    mass and valenz
   RCORE  =    2.300    outmost cutoff radius
   RWIGS  =    2.200; RWIGS  =    1.164    wigner-seitz radius (au A)
   ENMAX  =  295.446; ENMIN  =  221.585 eV
   LCOR   =        T    correct aug charges
   LPAW   =        T    paw PP
   NDATA  =      100
  END of PSCTR-controll parameters
  End of Dataset
"""


@pytest.fixture
def vasp_code(aiida_code_installed, tmp_path):
    """The tests' VASP."""
    wrapper = tmp_path / "vasp"
    wrapper.write_text(f'#!/bin/bash\nexec {sys.executable} {EXECUTABLE} "$@"\n')
    wrapper.chmod(0o755)
    return aiida_code_installed(filepath_executable=str(wrapper), default_calc_job_plugin="vasp.vasp")


@pytest.fixture
def potcar_family(tmp_path):
    """A POTCAR family with copper and gold."""
    for element in ("Cu", "Au"):
        folder = tmp_path / "potcars" / element
        folder.mkdir(parents=True)
        (folder / "POTCAR").write_text(POTCAR.format(element=element))
    PotcarData.upload_potcar_family(str(tmp_path / "potcars"), "TEST", "for tests", stop_if_existing=False)
    return "TEST"
