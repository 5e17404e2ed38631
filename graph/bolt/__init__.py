"""How the graph is kept behind a graph server: the queries, loads in batches, the view by party; all without a driver."""
