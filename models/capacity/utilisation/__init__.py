"""Monthly utilisation of lines: close to a random walk, so the last value, left only as far as backtests earn it."""

from models.capacity.utilisation.forecast import forecast_utilisation

__all__ = ["forecast_utilisation"]
