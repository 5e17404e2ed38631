"""What people do about a decision: overrides, appeals, notices."""
