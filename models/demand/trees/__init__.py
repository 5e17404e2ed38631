"""One boosted-trees model for all series of a panel: what it starts from, sees, learns and says why."""
