"""One forecasting method a file; each learns, forecasts, explains and is written as native files."""
