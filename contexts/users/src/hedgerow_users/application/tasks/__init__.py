"""What is done later, by a worker: mail."""
