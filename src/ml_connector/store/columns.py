"""How columns are made, so that every table says the same thing in the same way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    MetaData,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)
"""All tables of the product; schema.py and schema_service.py declare them, no other module does."""


def number(name: str, comment: str) -> Column[int]:
    """An id the database gives."""
    return Column(name, BigInteger, Identity(), primary_key=True, comment=comment)


def owner(*, key: bool = False, hot: bool = False) -> Column[int]:
    """The connection a row belongs to; the row goes when the connection goes.

    A `hot` table is written by the ten thousand and has no foreign key, whose check costs as much as the row itself;
    `connections.remove` empties those by name.
    """
    return Column(
        "connection_id",
        BigInteger,
        *(() if hot else (ForeignKey("connections.id", ondelete="CASCADE"),)),
        primary_key=key,
        nullable=False,
        autoincrement=False,
        comment="store: the connection this row belongs to",
    )


def word(name: str, comment: str, *, key: bool = False) -> Column[str]:
    """A text that is never null; empty when there is nothing to say."""
    default = None if key else text("''")
    return Column(name, Text, primary_key=key, nullable=False, server_default=default, comment=comment)


def one_of(name: str, default: str, words: str, comment: str) -> list[Any]:
    """A text column that holds one of a few words, and the check that says so."""
    allowed = ", ".join(f"'{word}'" for word in words.split())
    return [
        Column(name, Text, nullable=False, server_default=text(f"'{default}'"), comment=comment),
        CheckConstraint(f"{name} IN ({allowed})", name=name),
    ]


def moment(name: str, comment: str, *, now: bool = False) -> Column[Any]:
    """A moment with its zone; filled by the database when `now`, else null until it happens."""
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), nullable=not now, server_default=default, comment=comment)


def form(name: str, comment: str) -> Column[Any]:
    """A JSON object, empty by default."""
    return Column(name, JSONB, nullable=False, server_default=text("'{}'::jsonb"), comment=comment)
