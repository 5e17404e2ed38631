"""Parts of the benchmark of credit models on real data."""
