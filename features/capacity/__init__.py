"""What a group's production lines have made, what they are planned for and what holds them up."""
