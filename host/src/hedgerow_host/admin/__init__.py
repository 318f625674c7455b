"""The admin API: what operators can do with `hedgerow events` and `deliveries`, over HTTP, for super_admins alone.

Its routes live under `/v1/_host`, pass the same stages as those of every context, and call the same operations as
the command line. Read `routes` first.
"""
