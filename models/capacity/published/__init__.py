"""Published capacity: runs of forecasts and plans, each kept whole, and the plan's problem made of a run."""
