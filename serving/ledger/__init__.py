"""The database, the decision ledger and what is kept beside it."""
