"""Crystal structure prediction with quantum anharmonic ions, as AiiDA work chains."""

__version__ = "0.1.0"
