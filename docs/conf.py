"""Sphinx configuration: ``make docs`` builds this tree without warnings."""

import os
import sys
import tempfile
from pathlib import Path

os.environ["AIIDA_PATH"] = tempfile.mkdtemp()  # a temporary profile for the ports; no folder of the user's is touched

from aiida import load_profile
from aiida.storage.sqlite_temp import SqliteTempBackend

from aiida_anhcsp import __version__

sys.path.insert(0, str(Path(__file__).parent))
load_profile(SqliteTempBackend.create_profile("docs"), allow_switch=True)

project = "aiida-anhcsp"
author = "the aiida-anhcsp developers"
release = __version__
extensions = [
    "aiida.sphinxext",
    "exit_codes",
    "key_tables",
    "myst_parser",
    "protocol_tables",
    "sphinx.ext.mathjax",
    "sphinx_click",
]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"aiida-anhcsp {__version__}"
