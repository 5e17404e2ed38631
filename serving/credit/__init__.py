"""Credit: one party scored, books of them, and what else is asked about a party."""
