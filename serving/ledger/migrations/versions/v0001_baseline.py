"""The tables of the first releases, which made them without migrations: what is there already is taken as it is."""

from alembic import op
from sqlalchemy import Column, Float, Integer, Text

from serving.ledger.append_only import forbid_changes

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0001_baseline"
down_revision: str | None = None


def upgrade() -> None:
    """Make the tables where they are missing."""
    op.create_table(
        "decisions",
        Column("seq", Integer, primary_key=True, autoincrement=False),
        Column("decision_id", Text, nullable=False, unique=True),
        Column("recorded_at", Text, nullable=False),
        Column("record", Text, nullable=False),
        Column("prev_hash", Text, nullable=False),
        Column("hash", Text, nullable=False),
        if_not_exists=True,
    )
    op.create_index("decisions_recorded_at", "decisions", ["recorded_at"], if_not_exists=True)
    op.create_table(
        "api_keys",
        Column("key_id", Text, primary_key=True),
        Column("secret_hash", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("roles", Text, nullable=False),
        Column("companies", Text, nullable=False),
        Column("created_at", Text, nullable=False),
        Column("revoked_at", Text),
        if_not_exists=True,
    )
    op.create_table(
        "planner_overrides",
        Column("seq", Integer, primary_key=True, autoincrement=False),
        Column("action", Text, nullable=False),
        Column("override_id", Text, nullable=False),
        Column("decision_id", Text, nullable=False, unique=True),
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
        if_not_exists=True,
    )
    op.create_index("planner_overrides_id", "planner_overrides", ["override_id"], if_not_exists=True)
    op.create_table(
        "jobs",
        Column("job_id", Text, primary_key=True),
        Column("seq", Integer, nullable=False, unique=True),
        Column("decision_id", Text, nullable=False, unique=True),
        Column("kind", Text, nullable=False),
        Column("key_id", Text, nullable=False),
        Column("key_name", Text, nullable=False),
        Column("roles", Text, nullable=False),
        Column("companies", Text, nullable=False),
        Column("request_id", Text, nullable=False),
        Column("request", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("progress", Float, nullable=False),
        Column("cancelled_at", Text),
        Column("worker", Text),
        Column("submitted_at", Text, nullable=False),
        Column("started_at", Text),
        Column("alive_at", Text),
        Column("ended_at", Text),
        Column("answer_id", Text),
        Column("problem", Text),
        if_not_exists=True,
    )
    op.create_index("jobs_state", "jobs", ["state", "seq"], if_not_exists=True)
    op.create_table(
        "kept_answers",
        Column("answer_id", Text, primary_key=True),
        Column("seq", Integer, nullable=False, unique=True),
        Column("kind", Text, nullable=False),
        Column("scope", Text, nullable=False),
        Column("companies", Text, nullable=False),
        Column("key_id", Text, nullable=False),
        Column("kept_at", Text, nullable=False),
        Column("body", Text, nullable=False),
        if_not_exists=True,
    )
    op.create_index("kept_answers_scope", "kept_answers", ["scope", "seq"], if_not_exists=True)
    for table in ("decisions", "planner_overrides"):
        forbid_changes(op.get_bind(), table)
