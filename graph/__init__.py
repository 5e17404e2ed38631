"""The graph of parties: ontology, edge table, snapshots, measures, stores."""
