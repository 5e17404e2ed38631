"""Many parties scored at once: rows in, rows out, proof of each."""
