"""Parts of the benchmark of capacity: lines, utilisation, shortfall, simulation, allocation."""
