"""Contracts, sources and point-in-time features."""
