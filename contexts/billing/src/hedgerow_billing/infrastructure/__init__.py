"""The technology behind the ports: PostgreSQL and the payment gateway."""
