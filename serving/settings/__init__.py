"""What the service reads from the environment (prefix ZHIHENG_); everything below takes arguments."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from serving.http.rule_texts import field_problem
from serving.settings.access import AccessSettings
from serving.settings.books import BookSettings
from serving.settings.credit import CreditSettings
from serving.settings.intake import IntakeSettings
from serving.settings.models import ModelSettings
from serving.settings.planning import PlanningSettings
from serving.settings.review import ReviewSettings
from serving.settings.server import ServerSettings
from serving.settings.state import StateSettings
from serving.settings.unusable import ServiceSettingsError

__all__ = ["ServiceSettings", "read_settings"]

_PREFIX: Final = "ZHIHENG_"


class ServiceSettings(
    IntakeSettings,
    ReviewSettings,
    PlanningSettings,
    BookSettings,
    CreditSettings,
    ModelSettings,
    AccessSettings,
    StateSettings,
    ServerSettings,
    BaseSettings,
):
    """Settings of the service; the command line exports its own under the same prefix.

    The page of settings shows the groups from the last one named here to the first, as pydantic orders fields.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="ignore", frozen=True)

    @property
    def books(self) -> Path:
        """Return the folder of the books that were scored: what was sent, and the rows answered."""
        return self.home / "books"

    @property
    def forecasts(self) -> Path:
        """Return the folder of published runs of forecasts."""
        return self.home / "forecasts"

    @property
    def capacity(self) -> Path:
        """Return the folder of published runs of capacity; plans lie below it."""
        return self.home / "capacity"

    @property
    def profiles(self) -> Path:
        """Return the folder of the plants' own industry profiles."""
        return self.home / "profiles"

    @property
    def jobs(self) -> Path:
        """Return the folder of the files of jobs."""
        return self.home / "jobs"

    @property
    def neo4j_secret(self) -> str:
        """Return the password of the graph server: the setting, else what `make neo4j` wrote, else empty."""
        kept = self.home / "neo4j" / "password"
        given = self.neo4j_password.get_secret_value()
        return given or (kept.read_text(encoding="utf-8").strip() if kept.exists() else "")

    @property
    def ledger_path(self) -> Path:
        """Return the file of the ledger and of the API keys."""
        return self.home / "ledger.db"


def read_settings(home: Path | None = None) -> ServiceSettings:
    """Read the settings from the environment, with another home where one is given.

    Raises ServiceSettingsError naming the variables that cannot be used and what they may be.
    """
    try:
        return ServiceSettings() if home is None else ServiceSettings(home=home)
    except ValidationError as error:
        problems = [field_problem(one) for one in error.errors(include_input=False)]
        named = [replace(one, field=_PREFIX + one.field.upper()) for one in problems]
        raise ServiceSettingsError(
            named
        ) from None  # the chained error would repeat the values, and one may be secret
