"""The one Alembic environment of all contexts: runs a history inside the schema that the runner names.

Without a connection it writes the SQL down instead of running it.
"""

from alembic import context
from sqlalchemy import text

attributes = context.config.attributes
connection = attributes.get("connection")
schema, lock_timeout = attributes["schema"], attributes["lock_timeout"]

if connection is not None:
    connection.execute(text(f'SET search_path TO "{schema}"'))
    connection.execute(text(f"SET lock_timeout = '{lock_timeout}'"))
    connection.commit()
context.configure(
    connection=connection,
    dialect_name="postgresql",
    dialect_opts={"paramstyle": "named"},  # what is written down is for no driver, which would want `%` doubled
    output_buffer=attributes.get("output"),
    literal_binds=connection is None,
    version_table=attributes["version_table"],
    version_table_schema=schema,
    transaction_per_migration=True,
    lock_timeout=lock_timeout,
    longest_wait=attributes["longest_wait"],
)
with context.begin_transaction():
    context.run_migrations()
