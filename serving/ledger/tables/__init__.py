"""The tables of the service's database, as the newest migration leaves them; whoever imports one has them all."""

from serving.ledger.tables.access import api_keys, key_rows, risk_events
from serving.ledger.tables.chain import decision_scopes, decisions, ledger_checkpoints
from serving.ledger.tables.champions import (
    champion_history,
    incidents,
    model_acts,
    shadow_answers,
    shadow_drops,
)
from serving.ledger.tables.intake import intake_uploads
from serving.ledger.tables.job_queue import job_files, jobs, kept_answers
from serving.ledger.tables.metadata import METADATA
from serving.ledger.tables.planning import planner_overrides
from serving.ledger.tables.review import credit_reviews, pseudonym_keys

__all__ = [
    "METADATA",
    "api_keys",
    "champion_history",
    "credit_reviews",
    "decision_scopes",
    "decisions",
    "incidents",
    "intake_uploads",
    "job_files",
    "jobs",
    "kept_answers",
    "key_rows",
    "ledger_checkpoints",
    "model_acts",
    "planner_overrides",
    "pseudonym_keys",
    "risk_events",
    "shadow_answers",
    "shadow_drops",
]
