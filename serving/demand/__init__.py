"""Demand: forecasts, scenarios, overrides."""
