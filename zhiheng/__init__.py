"""The composition root: command line, demo and settings; the only place that wires the parts."""
