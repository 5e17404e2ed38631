"""What if: a line out, overtime, a new line, other demand, yields or caps, beside the plan as it is."""
