"""The schema history of this context."""
