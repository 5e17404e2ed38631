"""The group's sales by day and period."""
