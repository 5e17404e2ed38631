"""Learn, predict and explain; no HTTP, no database."""
