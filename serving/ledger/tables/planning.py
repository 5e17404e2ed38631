"""What planners said of forecasts."""

from typing import Final

from sqlalchemy import Column, Float, Index, Integer, Table, Text

from serving.ledger.tables.metadata import METADATA

__all__ = ["planner_overrides"]

planner_overrides: Final = Table(
    "planner_overrides",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("action", Text, nullable=False),  # set, withdraw: a withdrawal is a row of its own
    Column("override_id", Text, nullable=False),
    Column("decision_id", Text, nullable=False, unique=True),  # the act's record in the chain
    Column("unique_id", Text, nullable=False),
    Column("org_id", Text),
    Column("level", Text),
    Column("freq", Text, nullable=False),
    Column("periods", Text),
    Column("kind", Text),
    Column("value", Float),
    Column("reason", Text, nullable=False),
    Column("until", Text),
    Column("name", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("run_id", Text),
    Column("model_figures", Text),
)
Index("planner_overrides_id", planner_overrides.c.override_id)
