"""Shortfall: how likely demand exceeds what lines can make, by how much, and which line is the bottleneck."""
