"""Measures over the whole graph, one module a question; arrays stand in the order of a snapshot's ids."""
