"""Parts of the benchmark of demand forecasts on public data."""
