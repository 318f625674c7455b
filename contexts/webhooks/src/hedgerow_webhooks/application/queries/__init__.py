"""What webhooks can be asked: one question a file."""
