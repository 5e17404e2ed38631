"""The WoE scorecard: monotone bins, coefficients of one sign, exports that score the same as the card."""
