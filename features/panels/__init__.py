"""The parts of a panel: rows, gaps, drivers, rules, cuts."""
