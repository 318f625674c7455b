"""The domain of billing: invoices and their payments. Standard library and hedgerow_core.domain only."""
