"""The command line ``aiida-anhcsp``, also mounted as ``verdi data anhcsp``."""
