"""The Alembic history of the schema `webhooks`."""
