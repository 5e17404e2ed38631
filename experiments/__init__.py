"""Jobs that train, judge and register models."""
