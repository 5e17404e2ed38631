"""Series that add up: sums, reconciliation, coherence."""
