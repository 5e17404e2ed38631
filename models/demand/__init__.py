"""Demand: members, their combination, quantiles, reconciliation and explanation."""
