"""The technology behind the ports: PostgreSQL, sealed secrets, and the guarded way out."""
