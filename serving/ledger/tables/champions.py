"""Which models served, who changed that, and how challengers compare."""

from typing import Final

from sqlalchemy import Column, Float, Index, Integer, Table, Text

from serving.ledger.tables.metadata import METADATA

__all__ = ["champion_history", "incidents", "model_acts", "shadow_answers", "shadow_drops"]

champion_history: Final = Table(
    "champion_history",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("family", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("since", Text, nullable=False),
)
Index("champion_history_family", champion_history.c.family, champion_history.c.seq)

model_acts: Final = Table(
    "model_acts",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("decision_id", Text, nullable=False, unique=True),  # the act's record in the chain
    Column("family", Text, nullable=False),
    Column("act", Text, nullable=False),  # kill, restore, rollback, alias
    Column("level", Text, nullable=False),  # what serves from then on
    Column("version", Text),
    Column("instead_of", Text),  # what served or was pointed at until then
    Column("reason", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("incident_id", Text),
)
Index("model_acts_family", model_acts.c.family, model_acts.c.seq)

incidents: Final = Table(
    "incidents",
    METADATA,
    Column("incident_id", Text, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("family", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("version_from", Text),
    Column("version_to", Text),
    Column("reason", Text, nullable=False),
    Column("opened_at", Text, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("closed_at", Text),
    Column("closed_by", Text),
    Column("closing_reason", Text),
)

shadow_answers: Final = Table(
    "shadow_answers",
    METADATA,
    Column("shadow_id", Text, primary_key=True),
    Column("decision_id", Text, nullable=False),  # the champion's answer in the chain
    Column("family", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("champion_version", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # answered, or the name of the error
    Column("pd", Float),
    Column("log_odds", Float),
    Column("grade", Text),
    Column("champion_log_odds", Float),
    Column("champion_grade", Text),
    Column("figures_sha256", Text),  # of a forecast's figures
    Column("figures", Integer),  # how many of them both have
    # Credit: log-odds; forecasts: mean absolute over mean absolute of the champion.
    Column("difference", Float),
)
Index("shadow_answers_family", shadow_answers.c.family, shadow_answers.c.version, shadow_answers.c.at)
Index("shadow_answers_decision", shadow_answers.c.decision_id)

shadow_drops: Final = Table(
    "shadow_drops",
    METADATA,
    Column("worker", Text, primary_key=True),
    Column("family", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("dropped", Integer, nullable=False),
    Column("at", Text, nullable=False),
)
