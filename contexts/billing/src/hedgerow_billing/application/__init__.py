"""The use cases of billing, and the ports they speak through."""
