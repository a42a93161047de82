"""The program ``anhcsp-engine``: one module per command."""
