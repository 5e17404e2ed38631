"""Calibrate raw log-odds to a probability of default: the maps, how one is chosen, moved and bounded."""
