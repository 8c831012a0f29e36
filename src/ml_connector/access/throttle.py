"""Guessing is slowed down: each failed sign-in makes the next one wait, by name and by address, never for good."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Collection
from datetime import timedelta
from hashlib import sha256

from ml_connector.access import trail
from ml_connector.app import App
from ml_connector.kernel.errors import RateLimited
from ml_connector.kernel.text import counted
from ml_connector.store import audit, counters, sign_ins
from ml_connector.store.bulk import Transaction

WINDOW = timedelta(hours=1)
"""Failures older than this slow nobody down."""
BY_NAME = (5, 300.0)
"""So many failures by one name are free; from then on waits grow up to so many seconds."""
BY_ADDRESS = (20, 60.0)
"""The same by one address, from which a whole office may come."""
FIRST_WAIT = 2.0
"""Seconds of the first wait; each failure doubles it."""
REFUSED = "sign_ins_refused"
"""Counter: sign-ins that failed, of the whole installation."""
MADE_WAIT = "sign_ins_made_to_wait"
"""Counter: sign-ins that were not even looked at, because too many had failed."""

_TELL_EVERY = timedelta(minutes=1)
_KEEP_FAILED = timedelta(days=1)
_KEEP_USUAL = timedelta(days=60)
"""So long an address counts as one a user signs in from."""


def wait_after(failed: int, free: int, most: float) -> float:
    """Seconds to wait after so many failures."""
    if failed < free:
        return 0.0
    return min(most, FIRST_WAIT * 2.0 ** min(failed - free, 30))


def place_of(address: str) -> str:
    """What counts as one address: itself, or for IPv6 the network of a subscriber; empty for what is none."""
    try:
        found = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped
        return str(inner) if inner else str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def whence(peer: str, forwarded: str, proxies: Collection[str]) -> str:
    """Where a request comes from: the peer, or, while that is one of the proxies, whom it says it had it from.

    `forwarded`: X-Forwarded-For, to which each proxy adds whom it heard from; what stands left of the first address
    that is no proxy of ours may be made up, and is not looked at.
    """
    heard = [one.strip() for one in forwarded.split(",") if one.strip()][-20:]
    while heard and _is_among(peer, proxies) and place_of(heard[-1]):
        peer = heard.pop()
    return peer


def _is_among(address: str, networks: Collection[str]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(one) for one in networks)


def unknown(name: str) -> str:
    """What stands for a name nobody has: no plain text, for people type their password there, too."""
    return "?" + sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]


def admit(app: App, name: str, place: str) -> int:
    """Lets an attempt be made and counts it as failed until it is known; its number. RateLimited: it must wait."""
    with app.db.begin() as conn:
        sign_ins.alone(conn, f"name {name}", f"address {place}")
        waits = [
            _left(sign_ins.by_name(conn, name, place, WINDOW), *BY_NAME),
            _left(sign_ins.by_address(conn, place, WINDOW), *BY_ADDRESS) if place else 0.0,
        ]
        seconds = math.ceil(max(waits))
        if seconds <= 0:
            return sign_ins.note(conn, name, place)
        counters.bump(conn, audit.INSTALLATION, {MADE_WAIT: 1})
    raise RateLimited(
        f"Too many sign-ins failed. Try again in {counted(seconds, 'second')}.",
        seconds=float(seconds),
        remedy="Wait so long. If the password is lost, an administrator can make a new link with which to sign in.",
    )


def _left(tries: sign_ins.Tries, free: int, most: float) -> float:
    """Seconds that are still to be waited."""
    wait = wait_after(tries.failed, free, most)
    return wait - tries.ago.total_seconds() if wait and tries.ago is not None else 0.0


def refused(app: App) -> None:
    """Counts a sign-in that failed."""
    with app.db.begin() as conn:
        counters.bump(conn, audit.INSTALLATION, {REFUSED: 1})
        tell(conn, app)


def tell(conn: Transaction, app: App) -> None:
    """Writes one audit row about all sign-ins that failed since the last one, at most once a minute; forgets old ones.

    Names nobody has are counted and not written out.
    """
    sign_ins.prune(conn, _KEEP_FAILED, _KEEP_USUAL)
    found = sign_ins.untold(conn, _TELL_EVERY)
    if found:
        names = [name for name in found.names if not name.startswith("?")]
        trail.note(
            conn,
            app.acting_as("door"),
            "user:sign_in:refused",
            names[0] if len(names) == 1 else "",
            times=found.times,
            names=names,
            addresses=found.addresses,
        )
