"""The one Alembic environment of all contexts: runs a history inside the schema that the runner names."""

from alembic import context
from sqlalchemy import text

connection = context.config.attributes["connection"]
schema = context.config.attributes["schema"]

connection.execute(text(f'SET search_path TO "{schema}"'))
connection.commit()
context.configure(
    connection=connection,
    version_table=context.config.attributes["version_table"],
    version_table_schema=schema,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
