"""Capacity: forecasts, shortfalls, plans."""
