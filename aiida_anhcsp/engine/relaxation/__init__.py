"""Batched relaxation of the enthalpy, with quarantine."""
