"""What people type, made fit for looking things up."""

from __future__ import annotations


def plain(text: str) -> str:
    """The text without the sign that no database keeps, and without spaces around it."""
    return text.replace("\x00", "").strip()
