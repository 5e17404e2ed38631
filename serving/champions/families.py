"""The families of models that are served: their names, the files that name champions, their names in the registry."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from features.timeline import Frequency

__all__ = ["CAPACITY", "CREDIT", "FAMILIES", "Alias", "Family", "Gate", "Level", "demand_family"]

CREDIT: Final = "credit"
CAPACITY: Final = "capacity"


class Alias(StrEnum):
    """What a version can be called, in the registry and here."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"


class Level(StrEnum):
    """Who answers for a family: its champion, an earlier version by order, or what is left after the kill switch."""

    CHAMPION = "champion"
    ROLLED_BACK = "rolled_back"
    PREVIOUS = "previous"
    SCORECARD = "scorecard"
    RULES_ONLY = "rules_only"
    STOPPED = "stopped"


class Gate(StrEnum):
    """What the training's own comparison said of a version; `none`: it wrote none down."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_JUDGED = "not_judged"
    NONE = "none"


@dataclass(frozen=True)
class Family:
    """One family: `folder` of its models below the home's models, its pointers' suffix, its name in MLflow.

    Credit answers with a model; demand and capacity answer from published runs, whose versions are the runs' ids.
    """

    name: str
    folder: str
    suffix: str
    registered: str

    @property
    def of_runs(self) -> bool:
        """Whether published runs answer, not a model."""
        return self.name != CREDIT

    def pointer(self, models: Path, alias: Alias) -> Path:
        """Return the file that names the version with an alias."""
        return models / self.folder / f"{alias}{self.suffix}.json"


def demand_family(freq: Frequency | str) -> str:
    """Return the family of a frequency."""
    return f"demand-{freq}"


FAMILIES: Final[Mapping[str, Family]] = MappingProxyType(
    {
        CREDIT: Family(CREDIT, "credit", "", "credit"),
        CAPACITY: Family(CAPACITY, "capacity", "", "capacity-lines"),
        **{
            demand_family(freq): Family(demand_family(freq), "demand", f"-{freq}", demand_family(freq))
            for freq in Frequency
        },
    }
)
