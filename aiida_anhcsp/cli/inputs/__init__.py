"""Input files: what ``aiida-anhcsp launch`` reads, checks as a whole and turns into the inputs of a work chain."""
