"""How long what is kept: a number of days by kind, for the whole installation. The audit trail is not among them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec

from ml_connector.kernel.errors import BadInput

LEAST = 31
"""Days below which neither evidence nor journal may be kept: a month must be able to be closed and looked into."""


class Retention(msgspec.Struct, frozen=True):
    """Days by kind; at least as long, and at most as much longer as until the next nightly work."""

    evidence: int = 90
    """Requests and replies. Dropped by the month, so up to 31 days longer."""
    journal: int = 400
    """Runs with their intents, plans and the inputs of their decisions, and holds that were released."""
    inbox: int = 30
    """Events from the door that were dealt with."""
    jobs: int = 14
    """Jobs of the queue that ended, well or not."""


def retention_from(text: str) -> Retention:
    """Days as a person writes them, such as `evidence=60 journal=1100`; what is not named keeps its default.

    BadInput when it cannot be read, is too short, or the journal would go before the evidence of its runs.
    """
    days = msgspec.structs.asdict(Retention())
    for part in text.replace(",", " ").split():
        kind, _, number = part.partition("=")
        if kind not in days or not number.isdecimal() or not 1 <= int(number) <= 36_500:
            raise BadInput(
                f"ML_CONNECTOR_KEEP has {part!r}, which is not a kind and its days.",
                remedy=f"Write it as KIND=DAYS with kinds of {', '.join(days)}; the audit trail always stays.",
            )
        days[kind] = int(number)
    kept = Retention(**days)
    if min(kept.evidence, kept.journal) < LEAST or kept.journal < kept.evidence:
        raise BadInput(
            f"ML_CONNECTOR_KEEP keeps evidence for {kept.evidence} days and the journal for {kept.journal}.",
            remedy=f"Keep both for {LEAST} days at least, and the journal no shorter than the evidence of its runs.",
        )
    return kept


def since(days: int, now: datetime) -> datetime:
    """The moment before which something kept for `days` may go."""
    return now - timedelta(days=days)


def month_over(end: date, days: int, now: datetime) -> bool:
    """Whether a month that ended before the day `end` (UTC) has nothing left that is kept for `days`."""
    return end <= since(days, now).date()
