"""Parsers of the ``anhcsp-engine`` jobs."""
