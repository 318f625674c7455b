"""What billing can be asked: one question a file."""
