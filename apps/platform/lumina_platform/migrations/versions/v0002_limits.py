"""Limits of keys and projects, and what scripts keep with a key."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LIMITED = ("governance_keys", "governance_projects")
NEVER: Literal["never"] = "never"  # SQLite adds and drops columns itself; a copied table would lose what refers to it


def upgrade() -> None:
    for table in LIMITED:
        with op.batch_alter_table(table, recreate=NEVER) as batch:
            for column in _limits():
                batch.add_column(column)
    with op.batch_alter_table("governance_keys", recreate=NEVER) as batch:
        batch.add_column(sa.Column("metadata", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("governance_keys", recreate=NEVER) as batch:
        batch.drop_column("metadata")
    for table in LIMITED:
        with op.batch_alter_table(table, recreate=NEVER) as batch:
            for column in _limits():
                batch.drop_column(column.name)


def _limits() -> "list[sa.Column[Any]]":
    """Money is whole nano-dollars; null is no limit."""
    return [
        sa.Column("models", sa.JSON(), nullable=True),
        sa.Column("requests_per_minute", sa.BigInteger(), nullable=True),
        sa.Column("tokens_per_minute", sa.BigInteger(), nullable=True),
        sa.Column("budget_nano_usd", sa.BigInteger(), nullable=True),
        sa.Column("budget_period", sa.String(5), nullable=True),
    ]
