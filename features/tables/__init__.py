"""The tables of the group, declared: one contract per table, one module per subject."""
