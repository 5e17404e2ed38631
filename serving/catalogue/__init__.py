"""The catalogue of what models look at: texts, units, where it comes from, how sensitive it is, which models use it."""
