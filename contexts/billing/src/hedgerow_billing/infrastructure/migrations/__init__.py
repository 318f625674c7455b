"""The Alembic history of the schema `billing`."""
