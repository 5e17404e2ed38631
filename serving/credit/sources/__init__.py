"""What answers stand on: features, book, models and policies that are loaded, and how old they are."""
