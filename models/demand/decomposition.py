"""What a series is made of: trend, seasons, calendar and remainder, and how strong each is."""

from models.demand.strength import seasonal_strength, trend_strength

__all__ = ["seasonal_strength", "trend_strength"]
