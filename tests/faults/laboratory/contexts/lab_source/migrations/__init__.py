"""The Alembic history of the schema `source`."""
