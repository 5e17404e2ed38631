"""Days off, make-up days and festivals of China."""
