"""What webhooks can be told to do: one use case a file."""
