"""The Alembic history of the schema `sink`."""
