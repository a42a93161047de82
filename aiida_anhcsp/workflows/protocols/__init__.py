"""Defaults of the work chains at three levels of care, as YAML, and the builders made from them."""
