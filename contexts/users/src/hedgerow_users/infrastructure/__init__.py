"""PostgreSQL, Argon2 and JWT: the adapters behind the ports."""
