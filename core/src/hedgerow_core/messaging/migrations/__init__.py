"""The ledger's schema history."""
