"""What people did about credit decisions, and the keys of pseudonyms in exports."""

from typing import Final

from sqlalchemy import Column, Index, Integer, Table, Text

from serving.ledger.tables.metadata import METADATA

__all__ = ["credit_reviews", "pseudonym_keys"]

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
