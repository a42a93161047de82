"""The compute storey: plain Python without AiiDA, used through one program, ``anhcsp-engine``."""
