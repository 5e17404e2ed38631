"""Job: bring the registered champion to the place that the service reads, whole or not at all."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from experiments.job import Say
from experiments.kept_models import point_at_champion
from experiments.train_credit import NAME
from models.bundle import read_bundle
from models.registry import Registry

__all__ = ["POINTER", "PublishChampion"]

POINTER: Final = "champion.json"


class PublishChampion(BaseModel):
    """Which folder of models gets the champion of which registry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: Path
    tracking_uri: str

    def run(self, say: Say) -> None:
        """Fetch the champion, then point at it; the service goes on with the last good copy until then."""
        registry = Registry(self.tracking_uri)
        champion = registry.by_alias(NAME)
        folder = registry.fetch(champion, self.models)
        point_at_champion(
            self.models / POINTER,
            read_bundle(folder),
            registered=champion.number,
        )
        say(
            f"在用模型（champion）：{NAME} 第 {champion.number} 版，{champion.bundle_version}",
            f"champion is {NAME} version {champion.number}, {champion.bundle_version}",
        )
