"""The reference of a host, written from what its code declares: one page for each kind of thing (ADR 0043)."""
