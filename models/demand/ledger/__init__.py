"""What was published, what planners made of it, what came."""
