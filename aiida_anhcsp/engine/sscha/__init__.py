"""Quantum anharmonic free energies with python-sscha: stages, audit, Hessian, correction."""
