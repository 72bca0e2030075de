"""The table of orders."""

import os

import psycopg

DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql://techno_user@postgres/techno")

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id bigserial PRIMARY KEY,
    item text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
)
"""


def _connect() -> psycopg.Connection:
    return psycopg.connect(DATABASE_URL, connect_timeout=5)


def create_schema() -> None:
    """Make the table if this is the first start."""
    with _connect() as connection:
        connection.execute(SCHEMA)


def add(item: str) -> int:
    """Insert one order and return its number."""
    with _connect() as connection:
        row = connection.execute(
            "INSERT INTO orders (item) VALUES (%s) RETURNING id", (item,)
        ).fetchone()
    return row[0]


def count() -> int:
    """How many orders there are."""
    with _connect() as connection:
        return connection.execute("SELECT count(*) FROM orders").fetchone()[0]
