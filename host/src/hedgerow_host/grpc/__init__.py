"""Serves gRPC (ADR 0044), beside HTTP or alone. Imported only where somebody asks for it, as it needs an extra.

Read in this order: methods (what is served) → dispatch (who gets a call) → draining → health → tls → server →
alone.
"""
