"""The validation report of a credit model: one file per question, one value that is written as HTML and as JSON."""
