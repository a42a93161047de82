"""Labels from a reference method: one work chain per engine behind one interface."""
