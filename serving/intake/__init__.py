"""Data that companies hand in over HTTP: checked row by row, good rows taken, nothing lost."""
