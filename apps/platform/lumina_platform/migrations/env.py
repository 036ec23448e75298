"""What Alembic runs: the migrations, on the connection that it is given."""

from alembic import context

from lumina_kit.database import Model

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Model.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
