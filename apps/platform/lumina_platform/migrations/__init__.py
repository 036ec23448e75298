"""The one Alembic history of all apps' tables."""

HEAD = "0003"  # the newest revision, known without importing Alembic; a test holds the two together
