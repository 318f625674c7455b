"""Adapters of the port `PaymentGateway`."""
