"""What the lines can make, where demand exceeds it, and how to share it out."""
