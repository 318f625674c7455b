"""What operators see and change in the ledgers of all hosted contexts.

The command line prints what these functions answer, the admin API sends it: two faces of the same thing. Each works
on the ledgers that it is given: those of all contexts, or of the one that was chosen. Read in this order: rows →
reads → following → changes → declared.
"""
