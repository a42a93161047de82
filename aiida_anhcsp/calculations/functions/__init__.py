"""Calcfunctions: the light, provenance-tracked steps between jobs."""
