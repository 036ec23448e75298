"""The first tables: governance, ledger, outbox."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_projects_and_people()
    _create_keys()
    _create_sessions()
    _create_ledger()
    _create_outbox()


def downgrade() -> None:
    for table in (
        "outbox_receipts",
        "outbox_events",
        "ledger_head",
        "ledger_entries",
        "governance_links",
        "governance_sessions",
        "governance_keys",
        "governance_memberships",
        "governance_people",
        "governance_projects",
    ):
        op.drop_table(table)


def _time(name: str, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _id(name: str = "id", nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _refers(table: str, column: str, to: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=f"fk_{table}_{column}", ondelete=ondelete)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _create_projects_and_people() -> None:
    op.create_table(
        "governance_projects",
        _id(),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_governance_projects"),
        sa.UniqueConstraint("slug", name="uq_governance_projects_slug"),
    )
    op.create_table(
        "governance_people",
        _id(),
        sa.Column("login", sa.String(128), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        _time("created_at"),
        _time("disabled_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_governance_people"),
        sa.UniqueConstraint("login", name="uq_governance_people_login"),
    )
    op.create_table(
        "governance_memberships",
        _id("person_id"),
        _id("project_id"),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "project_id", name="pk_governance_memberships"),
        _refers("governance_memberships", "person_id", "governance_people", "CASCADE"),
        _refers("governance_memberships", "project_id", "governance_projects"),
    )
    _index("governance_memberships", "project_id")


def _create_keys() -> None:
    op.create_table(
        "governance_keys",
        _id(),
        _id("project_id"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("last_four", sa.String(4), nullable=False),
        sa.Column("role", sa.String(20), nullable=True),
        sa.Column("scopes", sa.JSON(), nullable=False),
        _id("maker_id", nullable=True),
        sa.Column("is_builtin", sa.Boolean(), nullable=False),
        _time("created_at"),
        _time("expires_at", nullable=True),
        _time("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_governance_keys"),
        sa.UniqueConstraint("sha256", name="uq_governance_keys_sha256"),
        _refers("governance_keys", "project_id", "governance_projects"),
        _refers("governance_keys", "maker_id", "governance_people"),
    )
    for column in ("project_id", "maker_id", "revoked_at"):
        _index("governance_keys", column)


def _create_sessions() -> None:
    for table, *more in (
        ("governance_sessions",),
        (
            "governance_links",
            sa.Column("sha256", sa.String(64), nullable=False),
            sa.UniqueConstraint("sha256", name="uq_governance_links_sha256"),
        ),
    ):
        op.create_table(
            table,
            _id(),
            *more,
            _id("person_id"),
            _time("created_at"),
            _time("expires_at"),
            sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
            _refers(table, "person_id", "governance_people", "CASCADE"),
        )
        _index(table, "person_id")
        _index(table, "expires_at")


def _create_ledger() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        _id(),
        _time("at"),
        _id("project_id", nullable=True),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("subject_kind", sa.String(60), nullable=False),
        sa.Column("subject_id", sa.String(200), nullable=False),
        sa.Column("actor_id", sa.String(200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_ledger_entries"),
    )
    for column in ("at", "project_id", "action", "subject_id", "actor_id"):
        _index("ledger_entries", column)
    head = op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_head"),
    )
    # There from the start, so that the first two entries, too, wait for each other.
    op.bulk_insert(head, [{"id": 1, "number": 0, "hash": "0" * 64}])


def _create_outbox() -> None:
    op.create_table(
        "outbox_events",
        _id(),
        sa.Column("type", sa.String(120), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        _time("occurred_at"),
        _time("next_try_at"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        _time("dispatched_at", nullable=True),
        _time("dead_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_events"),
    )
    op.create_index("ix_outbox_events_due", "outbox_events", ["dispatched_at", "dead_at", "next_try_at"])
    op.create_table(
        "outbox_receipts",
        sa.Column("consumer", sa.String(120), nullable=False),
        _id("event_id"),
        sa.PrimaryKeyConstraint("consumer", "event_id", name="pk_outbox_receipts"),
    )
