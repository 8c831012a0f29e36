"""Who asks: a user or a token of theirs, with what it may do at this moment."""

from __future__ import annotations

from typing import Literal

import msgspec

from ml_connector.access.permissions import Permission, Role

How = Literal["password", "openid", "once", "token"]
"""How somebody showed who they are."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody known. Made anew for each request, so that a change of role holds at once."""

    user_id: int
    name: str
    title: str
    """What people call them; their name where nothing else is kept."""
    role: Role
    permissions: frozenset[Permission]
    """What they may do: all their role may, or for a token the part of it that its scopes name."""
    zone: str = ""
    """The time zone they read in; empty for the browser's."""
    how: How = "password"
    by: str = ""
    """Which session (its short id) or which token (its number) it was."""

    def may(self, permission: Permission) -> bool:
        """Whether they may do that."""
        return permission in self.permissions
