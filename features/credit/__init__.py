"""Credit features, one family a file, each as of a date."""
