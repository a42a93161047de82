"""DFT relaxations of populations: one work chain per engine, one interface."""
