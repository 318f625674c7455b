"""Moves a context's data to another database while everybody works (ADR 0037).

Read in this order: sides (the two databases) → tables (what is moved) → fence (who may write) → capture (what was
written) → carrying (how rows get over) → copying, following → comparing → handing_over → ending → stages →
under_way.
At any moment at most one side takes writes. Every step may be killed, and is then begun anew.
"""
