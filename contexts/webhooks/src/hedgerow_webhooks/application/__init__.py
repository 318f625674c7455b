"""The use cases of webhooks, and the ports they speak through."""
