"""Work chains: they decide, record and resume, and compute nothing heavy."""
