"""Cells of a table as answers show them."""

__all__ = ["cell_number", "cell_text"]


def cell_text(value: object) -> str | None:
    """Return a cell as text, None where it is empty."""
    return None if value is None else str(value)


def cell_number(value: object) -> float | None:
    """Return a cell as a number, None where it holds none."""
    return float(value) if isinstance(value, int | float) else None
