"""Tokens with which programs use the API: made, shown once, listed, and taken back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import msgspec

from ml_connector.access import trail
from ml_connector.access.permissions import Permission, Role, permissions_of, scopes_from
from ml_connector.access.principal import Principal
from ml_connector.access.secrets_drawn import digest, drawn
from ml_connector.app import App
from ml_connector.kernel.errors import BadInput, NotAllowed, NothingSuchHere
from ml_connector.kernel.text import counted
from ml_connector.store import api_tokens, users
from ml_connector.store.api_tokens import TokenRow

PREFIX = "mlc_"
"""How a token begins, so that people and scanners know one where it should not lie."""
MOST = 50
"""Tokens of one user that hold at the same time."""
MOST_DAYS = 365
"""No token holds for longer."""


class Made(msgspec.Struct, frozen=True):
    """A new token. Its text is told this once; only its hash is kept."""

    token: str
    row: TokenRow


def add(app: App, who: Principal, name: str, scopes: Iterable[str], days: int) -> Made:
    """A token of one's own; NotAllowed for a token that asks for another, and for scopes one has not. Audited."""
    if who.how == "token":
        raise NotAllowed("A token cannot make another one.", remedy="Sign in to the console, or use the command line.")
    return add_for(app, who.name, name, scopes, days)


def add_for(app: App, user: str, name: str, scopes: Iterable[str], days: int) -> Made:
    """A token of any user, within what their role may; BadInput for an end or a name that cannot be. Audited."""
    wanted = scopes_from(scopes)
    title = " ".join(name.split())
    if not title or len(title) > 100 or not title.isprintable():
        raise BadInput("A token needs a name that says what it is for.", remedy="Use at most 100 plain characters.")
    if not 1 <= days <= MOST_DAYS:
        raise BadInput(
            f"A token cannot hold for {counted(days, 'day')}.", remedy=f"Take between 1 and {MOST_DAYS} days."
        )
    token = drawn(PREFIX)
    with app.db.begin() as conn:
        row = users.get(conn, user, ours=True)
        if row.disabled_at is not None:
            raise BadInput(f"{user} may not sign in at present, so no token is made for them.")
        if api_tokens.holding(conn, row.id) >= MOST:
            raise BadInput(
                f"{user} has {MOST} tokens that hold, and no more are made.",
                remedy="Take back those that are not used any more.",
            )
        more = wanted - permissions_of(Role(row.role))
        if more:
            raise NotAllowed(
                f"{user} has no right to {_named(more)}, so a token of theirs cannot have it.",
                remedy="Leave that scope out, or have an administrator change the role first.",
            )
        new = api_tokens.NewToken(row.id, title, digest(token), tuple(sorted(wanted)), timedelta(days=days))
        kept = api_tokens.add(conn, new)
        about = {"token": kept.id, "scopes": kept.scopes, "until": kept.ends_at.isoformat()}
        trail.note(conn, app, "token:add:done", user, name=title, **about)
    return Made(token, kept)


def revoke(app: App, who: Principal | None, number: int) -> TokenRow:
    """Takes a token back at once. Others than one's own take the right to users; None is the machine. Audited.

    NothingSuchHere for somebody else's token as well, so that numbers tell nothing.
    """
    with app.db.begin() as conn:
        found = api_tokens.get(conn, number)
        if found is None or not (who is None or found.user == who.name or who.may(Permission.USERS)):
            raise NothingSuchHere(f"There is no token {number}.", remedy="Look at the list of tokens again.")
        if api_tokens.revoke(conn, number):
            trail.note(conn, app, "token:revoke:done", found.user, name=found.name, token=number)
        return api_tokens.get(conn, number) or found


def _named(permissions: Iterable[Permission]) -> str:
    return " and to ".join(sorted(permissions))
