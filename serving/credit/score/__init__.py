"""One party scored: figures, basis, record, answer."""
