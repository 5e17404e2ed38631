"""The parts of the benchmark of the graph, one module a part."""
