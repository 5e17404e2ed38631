"""Credit: scores, reasons, portraits."""
