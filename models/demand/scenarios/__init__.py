"""What if: drivers changed, events, a festival moved."""
