"""A scorecard as files of a model folder, and in the form that somebody asks for."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from models.bundle import read_bundle
from models.credit.points import PointScale
from models.credit.scorecard.card import Scorecard, read_scorecard
from models.credit.scorecard.sql import scorecard_sql
from models.credit.scorecard.table import scorecard_table

__all__ = ["SCORECARD_FAMILY", "Form", "card_text", "load_scorecard", "scorecard_files"]

SCORECARD_FAMILY: Final = "scorecard"
_CARD: Final = "scorecard.json"


class Form(StrEnum):
    """A form in which a card scores the same."""

    JSON = "json"
    SQL = "sql"
    CSV = "csv"


def card_text(
    card: Scorecard, form: Form, scale: PointScale, *, table: str = "applicants", keys: Sequence[str] = ()
) -> str:
    """Return the card in a form; `table` and `keys` are those of the SQL select."""
    if form is Form.JSON:
        return card.to_json() + "\n"
    if form is Form.SQL:
        return scorecard_sql(card, scale, table=table, keys=keys) + ";\n"
    return scorecard_table(card, scale).write_csv()


def scorecard_files(
    card: Scorecard, scale: PointScale, *, table: str = "applicants", keys: Sequence[str] = ()
) -> dict[str, bytes]:
    """Return the card in every form, by file name."""
    return {
        f"scorecard.{form}": card_text(card, form, scale, table=table, keys=keys).encode() for form in Form
    }


def load_scorecard(folder: Path) -> Scorecard:
    """Read a card from its model folder. Raises BundleError when the folder is incomplete, changed or of another family."""
    bundle = read_bundle(folder, family=SCORECARD_FAMILY)
    return read_scorecard(bundle.read_text(_CARD), source=str(folder / _CARD))
