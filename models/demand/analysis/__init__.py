"""Demand taken apart: trend, seasons, changes, outliers."""
