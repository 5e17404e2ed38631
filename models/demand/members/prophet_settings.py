"""How Prophet is set for a series: what is the same for all, and how many waves its year has."""

from dataclasses import dataclass
from typing import Final

from features.timeline import Frequency

__all__ = ["ProphetSettings", "yearly_order"]

_DAYS_A_YEAR: Final = 365.25
_DAYS: Final = {
    Frequency.HOUR: 1 / 24,
    Frequency.DAY: 1.0,
    Frequency.WEEK: 7.0,
    Frequency.MONTH: _DAYS_A_YEAR / 12,
    Frequency.QUARTER: _DAYS_A_YEAR / 4,
}
_WAVES_OF_A_QUARTERLY_YEAR: Final = 2  # four points tell no more apart


@dataclass(frozen=True)
class ProphetSettings:
    """The same for every series. Priors are standard deviations, on a scale where the largest value is one.

    Judged together on Taiwanese power, Chinese trade, M3, tourism, orange juice and Rossmann's stores, several origins
    each. A year of 4 waves beat Prophet's own 10 on all of them (daily power over New Year: WAPE 2.2 for 3.3 %), and of
    days it may be learnt from one year. Logarithms halved the error where drivers were known (orange juice: 47 for 76 %) and cost a
    tenth where only trend and season were (M3: 13.4 for 12.0 %), since a trend of logarithms runs away. Multiplicative
    seasons changed nothing for the better. Weekdays that do not count in long breaks: 2.2 for 2.7 % over New Year.
    """

    changepoint_prior: float = 0.05
    season_prior: float = 10.0
    holiday_prior: float = 10.0
    driver_prior: float = 10.0
    calendar_prior: float = 0.01  # of the calendar's columns for weeks, months and quarters
    waves: int = 4
    years_least: float = 1.0  # of hours, days or weeks, for a yearly season
    coarse_years_least: float = 2.0  # of months or quarters
    changepoints: int = 25
    rows_least: int = 6
    rows_most: int = 4_000  # newest that are learnt from: 5 months of hours, 11 years of days


def yearly_order(settings: ProphetSettings, frequency: Frequency, periods: int) -> int:
    """Return the number of waves of the yearly season, 0 where so many periods are too short for one."""
    coarse = frequency in (Frequency.MONTH, Frequency.QUARTER)
    least = settings.coarse_years_least if coarse else settings.years_least
    if periods * _DAYS[frequency] < least * _DAYS_A_YEAR:
        return 0
    return (
        min(settings.waves, _WAVES_OF_A_QUARTERLY_YEAR) if frequency == Frequency.QUARTER else settings.waves
    )
