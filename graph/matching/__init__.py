"""How resolution compares records: names taken apart, blocks, likeness, clusters, questions to a person."""
