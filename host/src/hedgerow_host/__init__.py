"""The thin host."""
