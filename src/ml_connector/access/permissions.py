"""What there is to be allowed, which role is allowed what, and how scopes of tokens are written."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from ml_connector.kernel.errors import BadInput


class Permission(StrEnum):
    """One thing a person or a token may be allowed; its value is its name in scopes and in sentences."""

    LOOK = "look"
    """See everything of every connection but secrets."""
    WORK = "work"
    """Plan, run, answer holds, map, cancel, replay, pause."""
    APPROVE = "approve"
    """Approve plans."""
    CONFIGURE = "configure"
    """Connections, policies, secrets, webhooks."""
    USERS = "users"
    """Users, and everybody's sessions and tokens."""
    OWN = "own"
    """One's own password, time zone, sessions and tokens."""


class Role(StrEnum):
    """What a user is, from the least to the most."""

    VIEWER = "viewer"
    """Sees everything, changes nothing."""
    OPERATOR = "operator"
    """Does the daily work."""
    APPROVER = "approver"
    """Approves plans as well."""
    ADMIN = "admin"
    """Sets up connections and looks after users as well."""


_ADDS: dict[Role, tuple[Permission, ...]] = {
    Role.VIEWER: (Permission.LOOK, Permission.OWN),
    Role.OPERATOR: (Permission.WORK,),
    Role.APPROVER: (Permission.APPROVE,),
    Role.ADMIN: (Permission.CONFIGURE, Permission.USERS),
}
"""What each role may that the one before it may not."""

RANKS: tuple[Role, ...] = tuple(Role)
"""Roles from the least to the most."""


def permissions_of(role: Role) -> frozenset[Permission]:
    """Everything a role may do."""
    return frozenset(one for lesser in RANKS[: RANKS.index(role) + 1] for one in _ADDS[lesser])


def role_from(word: str) -> Role:
    """The role of that name; BadInput when there is none."""
    try:
        return Role(word.strip().lower())
    except ValueError:
        raise BadInput(f"There is no role {word!r}.", remedy=f"Roles: {', '.join(Role)}.") from None


def scopes_from(words: Iterable[str]) -> frozenset[Permission]:
    """The permissions of those names; BadInput for a name that is none, and when none is given."""
    try:
        found = frozenset(Permission(word.strip().lower()) for word in words if word.strip())
    except ValueError:
        named = ", ".join(sorted(set(words) - set(Permission)))
        raise BadInput(f"There is no scope {named}.", remedy=f"Scopes: {', '.join(Permission)}.") from None
    if not found:
        raise BadInput("A token needs at least one scope.", remedy=f"Scopes: {', '.join(Permission)}.")
    return found


def known_scopes(words: Iterable[str]) -> frozenset[Permission]:
    """The permissions among some names as they were kept; what is no permission (any more) is none."""
    names = set(Permission)
    return frozenset(Permission(word) for word in words if word in names)
