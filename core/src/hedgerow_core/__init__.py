"""The kernel every Hedgerow context builds on: domain blocks, buses, persistence, the ledger, HTTP."""
