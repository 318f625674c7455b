"""What may call this context from outside."""
