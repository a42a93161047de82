"""Sphinx configuration: ``make docs`` builds this tree without warnings."""

from aiida_anhcsp import __version__

project = "aiida-anhcsp"
author = "the aiida-anhcsp developers"
release = __version__
extensions = ["myst_parser", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"aiida-anhcsp {__version__}"
