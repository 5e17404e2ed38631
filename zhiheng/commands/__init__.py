"""The commands of the zhiheng command line, one group a file."""
