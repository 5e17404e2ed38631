"""Effective capacity of production lines: calendar hours x availability x rate x yield, each learnt from history."""
