"""The fictional sample group: one module per part of its world, all driven by one seed."""
