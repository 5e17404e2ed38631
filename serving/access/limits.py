"""What a key may ask for: limits of the settings, and those that were given to one key."""

from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["NO_LIMITS_OF_ITS_OWN", "KeyLimits", "Limits"]


class KeyLimits(BaseModel):
    """Limits kept with a key; what is left out is as the settings say."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    requests_per_minute: int | None = Field(default=None, ge=1)
    concurrent: int | None = Field(default=None, ge=1)
    body_bytes: int | None = Field(default=None, ge=1)
    rows_per_book: int | None = Field(default=None, ge=1)
    rows_per_hour: int | None = Field(default=None, ge=1)
    rows_per_day: int | None = Field(default=None, ge=1)


NO_LIMITS_OF_ITS_OWN: Final = KeyLimits()


@dataclass(frozen=True)
class Limits:
    """The limits that hold for a key."""

    requests_per_minute: int
    concurrent: int
    rows_per_book: int
    rows_per_hour: int
    rows_per_day: int
    body_bytes: int | None = None

    def of(self, own: KeyLimits) -> "Limits":
        """Return these limits with those of a key in their place."""
        if own is NO_LIMITS_OF_ITS_OWN:
            return self
        return Limits(**{**vars(self), **own.model_dump(exclude_none=True)})
