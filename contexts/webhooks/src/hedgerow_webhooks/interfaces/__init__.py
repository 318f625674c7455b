"""How webhooks is reached from outside the process."""
