"""Models at run time: who served when, acts upon it, incidents, and what challengers would have said."""

from alembic import op
from sqlalchemy import Column, Float, Integer, Text

from serving.ledger.append_only import forbid_changes

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0005_champions"
down_revision = "0004_review"


def upgrade() -> None:
    """Make the tables of models at run time."""
    op.create_table(
        "champion_history",
        Column("seq", Integer, primary_key=True, autoincrement=False),
        Column("family", Text, nullable=False),
        Column("version", Text, nullable=False),
        Column("since", Text, nullable=False),
    )
    op.create_index("champion_history_family", "champion_history", ["family", "seq"])
    op.create_table(
        "model_acts",
        Column("seq", Integer, primary_key=True, autoincrement=False),
        Column("decision_id", Text, nullable=False, unique=True),
        Column("family", Text, nullable=False),
        Column("act", Text, nullable=False),
        Column("level", Text, nullable=False),
        Column("version", Text),
        Column("instead_of", Text),
        Column("reason", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("key_id", Text, nullable=False),
        Column("at", Text, nullable=False),
        Column("incident_id", Text),
    )
    op.create_index("model_acts_family", "model_acts", ["family", "seq"])
    forbid_changes(op.get_bind(), "model_acts")
    op.create_table(
        "incidents",
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
    op.create_table(
        "shadow_answers",
        Column("shadow_id", Text, primary_key=True),
        Column("decision_id", Text, nullable=False),
        Column("family", Text, nullable=False),
        Column("version", Text, nullable=False),
        Column("champion_version", Text, nullable=False),
        Column("at", Text, nullable=False),
        Column("outcome", Text, nullable=False),
        Column("pd", Float),
        Column("log_odds", Float),
        Column("grade", Text),
        Column("champion_log_odds", Float),
        Column("champion_grade", Text),
        Column("figures_sha256", Text),
        Column("figures", Integer),
        Column("difference", Float),
    )
    op.create_index("shadow_answers_family", "shadow_answers", ["family", "version", "at"])
    op.create_index("shadow_answers_decision", "shadow_answers", ["decision_id"])
    op.create_table(
        "shadow_drops",
        Column("worker", Text, primary_key=True),
        Column("family", Text, primary_key=True),
        Column("version", Text, primary_key=True),
        Column("dropped", Integer, nullable=False),
        Column("at", Text, nullable=False),
    )
