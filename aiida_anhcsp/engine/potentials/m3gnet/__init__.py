"""MatterSim's M3GNet, computed exactly in O(bonds), and the stock path it is compared with."""
