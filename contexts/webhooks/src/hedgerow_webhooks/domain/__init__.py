"""The domain of webhooks: endpoints, and what becomes of messages.

Standard library and hedgerow_core.domain only.
"""
