"""The tables of the service's database, as the newest migration leaves them."""

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, Table, Text, UniqueConstraint

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

METADATA: Final = MetaData()

decisions: Final = Table(
    "decisions",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("decision_id", Text, nullable=False, unique=True),
    Column("recorded_at", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    # Said in the record too; columns only to list by.
    Column("route", Text, nullable=False, server_default=""),
    Column("subject", Text, nullable=False, server_default=""),
    Column("key_id", Text, nullable=False, server_default=""),
    Column("companies", Text, nullable=False, server_default=""),
)
Index("decisions_recorded_at", decisions.c.recorded_at)
Index("decisions_route", decisions.c.route, decisions.c.seq)
Index("decisions_subject", decisions.c.subject, decisions.c.seq)
Index("decisions_key_id", decisions.c.key_id, decisions.c.seq)
Index("decisions_companies", decisions.c.companies, decisions.c.seq)

# Every set of companies that decisions were made for: few, so that those a caller may see are found among them.
decision_scopes: Final = Table("decision_scopes", METADATA, Column("companies", Text, primary_key=True))

# What was cut off the beginning of the chain, so that the rest can still be proved.
ledger_checkpoints: Final = Table(
    "ledger_checkpoints",
    METADATA,
    Column("last_seq", Integer, primary_key=True, autoincrement=False),
    Column("first_seq", Integer, nullable=False),
    Column("first_hash", Text, nullable=False),
    Column("last_hash", Text, nullable=False),
    Column("oldest_at", Text, nullable=False),
    Column("newest_at", Text, nullable=False),
    Column("pruned_at", Text, nullable=False),
    Column("pruned_by", Text, nullable=False),
    Column("archive", Text, nullable=False),  # the file's name, without its folder
    Column("archive_sha256", Text, nullable=False),
    Column("decision_id", Text, nullable=False, unique=True),  # the prune's own record in the chain
)

api_keys: Final = Table(
    "api_keys",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("secret_hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("companies", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("revoked_at", Text),
    Column("expires_at", Text),
    Column("rotated_at", Text),
    Column("previous_hash", Text),  # the secret before the last rotation, valid until `previous_until`
    Column("previous_until", Text),
    Column("made_by", Text, nullable=False, server_default=""),
    Column("combination_reason", Text, nullable=False, server_default=""),
    Column("limits", Text, nullable=False, server_default="{}"),
)

# Rows of books that a key had scored, by clock hour: a budget that holds for all workers and after a restart.
key_rows: Final = Table(
    "key_rows",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("hour", Text, primary_key=True),
    Column("rows", BigInteger, nullable=False),
)

risk_events: Final = Table(
    "risk_events",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("decision_id", Text, nullable=False, unique=True),  # its record in the chain
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("key_name", Text, nullable=False),
    Column("companies", Text, nullable=False),
    Column("rows", BigInteger),
    Column("said", Text, nullable=False),  # JSON: counts and limits, nothing of what was asked about whom
)
Index("risk_events_kind", risk_events.c.kind, risk_events.c.seq)
Index("risk_events_key_id", risk_events.c.key_id, risk_events.c.seq)

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

jobs: Final = Table(
    "jobs",
    METADATA,
    Column("job_id", Text, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),  # the order of submission
    Column("decision_id", Text, nullable=False, unique=True),  # the submission's record in the chain
    Column("kind", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("key_name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("companies", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("progress", Float, nullable=False),
    Column("cancelled_at", Text),  # when it was asked to stop; a running one stops at its next step
    Column("worker", Text),
    Column("submitted_at", Text, nullable=False),
    Column("started_at", Text),
    Column("alive_at", Text),  # when its worker was last heard of
    Column("ended_at", Text),
    Column("answer_id", Text),
    Column("problem", Text),
    Column("place", Text),  # the folder that holds its files, where it has any
    Column("trace_id", Text, nullable=False, server_default=""),  # of the request that it came with
)
Index("jobs_state", jobs.c.state, jobs.c.seq)

# What is too large for a column lies in <home>/jobs/<job_id>/<side>/<name>.
job_files: Final = Table(
    "job_files",
    METADATA,
    Column("job_id", Text, primary_key=True),
    Column("side", Text, primary_key=True),  # input, output
    Column("name", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
)

kept_answers: Final = Table(
    "kept_answers",
    METADATA,
    Column("answer_id", Text, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column(
        "scope", Text, nullable=False
    ),  # what it is comparable with: the newest of a scope is "the last one"
    Column("companies", Text, nullable=False),  # whose figures are in it; a key must be for all of them
    Column("key_id", Text, nullable=False),
    Column("kept_at", Text, nullable=False),
    Column("body", Text, nullable=False),
)
Index("kept_answers_scope", kept_answers.c.scope, kept_answers.c.seq)

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
    Column(
        "difference", Float
    ),  # credit: log-odds; forecasts: mean absolute over mean absolute of the champion
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

credit_reviews: Final = Table(
    "credit_reviews",
    METADATA,
    Column("review_id", Text, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),  # the order in which they were asked for
    Column("kind", Text, nullable=False),  # override, appeal
    Column("decision_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("companies", Text, nullable=False),  # those of the decision: who sees it sees the review
    Column("state", Text, nullable=False),
    Column("last_day", Text, nullable=False),  # an override's end date, an appeal's due date
    # Kind and decision while it is open, null once it is closed: no decision has two open ones of a kind.
    Column("open_key", Text, unique=True),
    Column("body", Text, nullable=False),
)
Index("credit_reviews_decision", credit_reviews.c.decision_id)
Index("credit_reviews_subject", credit_reviews.c.subject, credit_reviews.c.kind, credit_reviews.c.state)

pseudonym_keys: Final = Table(
    "pseudonym_keys",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("secret", Text, nullable=False),
)

intake_uploads: Final = Table(
    "intake_uploads",
    METADATA,
    Column("upload_id", Text, primary_key=True),
    Column("table_name", Text, nullable=False),
    Column("sha256", Text, nullable=False),  # of the file as it came
    Column("kind", Text, nullable=False),  # csv, xlsx, parquet
    Column("taken_at", Text, nullable=False),
    Column("taken_by", Text, nullable=False),  # id of the key
    Column("companies", Text, nullable=False),  # of the key, as a JSON list
    Column("rows", Integer, nullable=False),
    Column("good", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("good_sha256", Text, nullable=False),
    Column("failed_sha256", Text),
    UniqueConstraint("table_name", "sha256", name="intake_uploads_once"),
)
Index("intake_uploads_taken", intake_uploads.c.taken_at)
