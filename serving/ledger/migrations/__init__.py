"""How the database came to its tables, step by step; Alembic runs what is missing."""
