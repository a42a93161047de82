"""Datasets, training of potentials and extrapolation grades."""
