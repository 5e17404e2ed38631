"""Jobs, their files, and answers that are given out again."""

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text

from serving.ledger.tables.metadata import METADATA

__all__ = ["job_files", "jobs", "kept_answers"]

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
    # What it is comparable with: the newest of a scope is "the last one".
    Column("scope", Text, nullable=False),
    Column("companies", Text, nullable=False),  # whose figures are in it; a key must be for all of them
    Column("key_id", Text, nullable=False),
    Column("kept_at", Text, nullable=False),
    Column("body", Text, nullable=False),
)
Index("kept_answers_scope", kept_answers.c.scope, kept_answers.c.seq)
