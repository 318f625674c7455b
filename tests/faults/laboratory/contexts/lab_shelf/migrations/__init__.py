"""The schema of `shelf`."""
