"""Data types: a population, a potential and a set of dynamical matrices, each one node."""
