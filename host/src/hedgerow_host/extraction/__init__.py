"""Gives a context a host of its own: what stands in the way, and the move itself."""
