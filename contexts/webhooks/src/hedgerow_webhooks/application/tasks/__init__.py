"""What webhooks does later and outside the request: durable work on the ledger."""
