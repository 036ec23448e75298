"""Captured content, sealed."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLE = "telemetry_content"
INDEXES = {
    "trace": ["project_id", "trace_id"],
    "captured": ["project_id", "captured_at"],
    "age": ["captured_at"],
}


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        _text("trace_id", 32),
        _text("span_id", 16),
        _time("at"),
        _time("captured_at"),
        _text("source", 10),
        _text("kind", 10),
        *(_text(name, 256, nullable=True) for name in ("request_id", "key_id", "route", "model")),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("cut", sa.Boolean(), nullable=False),
        sa.Column("sealed_bytes", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_telemetry_content"),
    )
    for name, columns in INDEXES.items():
        op.create_index(f"ix_{TABLE}_{name}", TABLE, columns)


def downgrade() -> None:
    op.drop_table(TABLE)


def _time(name: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _text(name: str, most: int, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.String(most), nullable=nullable)
