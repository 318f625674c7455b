"""The webhooks context."""
