"""Any table: a card names the tables, and relational features are derived from it."""
