"""Which projects capture content, who may read it, and who did."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_captures()
    _create_grants()
    _create_access()


def downgrade() -> None:
    for table in ("governance_access", "governance_grants", "governance_captures"):
        op.drop_table(table)


def _time(name: str, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, most: int) -> "sa.Column[Any]":
    return sa.Column(name, sa.String(most), nullable=False)


def _id(name: str = "id") -> "sa.Column[Any]":
    return sa.Column(name, sa.Uuid(), nullable=False)


def _of_project(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["project_id"], ["governance_projects.id"], name=f"fk_{table}_project_id")


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(f"ix_{table}_{column}", table, [column])


def _create_captures() -> None:
    op.create_table(
        "governance_captures",
        _id("project_id"),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=False),
        _time("since"),
        _text("actor_kind", 10),
        _text("actor_id", 200),
        _text("actor_name", 200),
        sa.PrimaryKeyConstraint("project_id", name="pk_governance_captures"),
        _of_project("governance_captures"),
    )


def _create_grants() -> None:
    op.create_table(
        "governance_grants",
        _id(),
        _text("permission", 60),
        _text("holder_kind", 10),
        _id("holder_id"),
        _text("holder_name", 200),
        _id("project_id"),
        _text("granted_by", 200),
        sa.Column("why", sa.Text(), nullable=False),
        _time("created_at"),
        _time("expires_at"),
        _time("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_governance_grants"),
        _of_project("governance_grants"),
    )
    _index("governance_grants", "holder_id", "project_id")


def _create_access() -> None:
    op.create_table(
        "governance_access",
        _id(),
        _time("at"),
        _text("action", 60),
        _text("actor_kind", 10),
        _text("actor_id", 200),
        _text("actor_name", 200),
        _id("project_id"),
        sa.Column("trace_id", sa.String(64), nullable=True),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_governance_access"),
        _of_project("governance_access"),
    )
    _index("governance_access", "at", "actor_id", "project_id", "trace_id")
