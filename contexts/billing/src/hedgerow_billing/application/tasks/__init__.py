"""What billing does later and outside the request: durable work on the ledger."""
