"""Calculations: one CalcJob per ``anhcsp-engine`` command, and the calcfunctions between them."""
