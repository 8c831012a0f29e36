"""Nightly work of the installation: months of evidence made and dropped, the journal and the rest gone by their age."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.kernel.text import counted
from ml_connector.planning.retention import Retention, month_over, since
from ml_connector.service.duty import Duty
from ml_connector.service.stepping import Step
from ml_connector.store import alerts, audit, connections, partitions, retention
from ml_connector.store.alerts import INSTALLATION, NOTICE, URGENT, Alert

BATCH = 2000
"""Rows that go in one transaction: a fraction of a second, so that nobody waits for it."""
OLD_KEY = timedelta(days=400)
"""Age of the sealing key at which people are reminded that it can be replaced."""
STRETCH = 5000
"""Audit rows that are checked at a time."""


def months(duty: Duty, _at: str) -> Iterator[Step]:
    """Makes this month and the next, and drops those whose days are over; a month somebody reads goes another night.

    Inputs of decisions stay as long as the journal, so that every run that is kept can be decided again.
    """
    now = duty.app.clock()
    keep = duty.app.settings.keep
    with duty.app.db.begin() as conn:
        this = partitions.month_of(now.astimezone(UTC))
        made = partitions.make_months(conn, [this, partitions.following(this)])
        over = [one for one in partitions.months(conn) if _over(one, keep, now)]
    if made:
        yield Step("more", f"{counted(len(made), 'month')} made")
    for one in over:
        with duty.app.db.begin() as conn:
            freed = partitions.drop_month(conn, one)
        yield Step("more", f"{one.name} dropped ({freed // 1_000_000:,} MB)")


def journal(duty: Duty, at: str) -> Iterator[Step]:
    """Removes settled steps of runs that are over age."""
    before = since(duty.app.settings.keep.journal, duty.app.clock())
    with duty.app.db.begin() as conn:
        edge = retention.oldest_kept_run(conn, before)
    after, gone = int(at or 0), 0
    while True:
        with duty.app.db.begin() as conn:
            batch = retention.purge_intents(conn, edge, after, BATCH)
        gone, after = gone + batch.gone, batch.after
        if not after:
            break
        yield Step(str(after), "")
    yield Step("", f"{counted(gone, 'step')} removed" if gone else "")


def runs(duty: Duty, _at: str) -> Iterator[Step]:
    """Removes runs over age that have no step left, with their plans."""
    before = since(duty.app.settings.keep.journal, duty.app.clock())
    with duty.app.db.begin() as conn:
        edge = retention.oldest_kept_run(conn, before)
    yield from _emptied(duty, lambda conn: retention.purge_runs(conn, edge, BATCH), "run")


def holds(duty: Duty, _at: str) -> Iterator[Step]:
    """Removes holds that were released, alarms that were over, and processes last seen, as long ago."""
    before = since(duty.app.settings.keep.journal, duty.app.clock())
    with duty.app.db.begin() as conn:
        retention.purge_told(conn, before)
    yield from _emptied(duty, lambda conn: retention.purge_holds(conn, before, BATCH), "released hold")


def inbox(duty: Duty, _at: str) -> Iterator[Step]:
    """Removes events that were dealt with."""
    before = since(duty.app.settings.keep.inbox, duty.app.clock())
    yield from _emptied(duty, lambda conn: retention.purge_inbox(conn, before, BATCH), "event")


def jobs(duty: Duty, _at: str) -> Iterator[Step]:
    """Removes what is left of jobs that ended."""
    before = since(duty.app.settings.keep.jobs, duty.app.clock())
    yield from _emptied(duty, lambda conn: retention.purge_jobs(conn, before, BATCH), "job")


def chains(duty: Duty, at: str) -> Iterator[Step]:
    """Checks the audit chains that belong to no connection: the installation's, and those of removed connections."""
    app = duty.app
    with app.db.begin() as conn:
        living = {row.id for row in connections.listed(conn)}
        found = [one for one in audit.chains(conn) if one not in living]
    begun, _, reached = at.partition("/")
    for chain in found:
        if begun and chain < int(begun):
            continue
        start = audit.head_from(reached) if begun and chain == int(begun) else audit.START
        faults: list[str] = []
        while True:
            with app.db.begin() as conn:
                stretch = audit.verify_on(conn, chain, start, STRETCH)
            faults, start = faults + stretch.faults, stretch.head
            if stretch.ended or faults:
                break
            yield Step(f"{chain}/{start}", "")
        tell_chain(duty, INSTALLATION, f"audit/{chain}", faults)
        yield Step(f"{chain + 1}/", f"chain {chain} is broken" if faults else "")


def sealing_key(duty: Duty, _at: str) -> Iterator[Step]:
    """Reminds people of a sealing key that is old; of one that stands in a variable nobody knows the age."""
    now = duty.app.clock()
    made: datetime | None = None
    with suppress(OSError):
        made = datetime.fromtimestamp(duty.app.settings.key_file.stat().st_mtime, UTC)
    with duty.app.db.begin() as conn:
        if made and now - made > OLD_KEY:
            days = (now - made).days
            sentence = f"The key that seals the secrets is {days} days old."
            remedy = "Replace it when it suits you: `ml-connector vault rotate` seals every secret anew."
            alerts.raise_alert(conn, INSTALLATION, Alert("key/old", NOTICE, sentence, remedy), now)
        else:
            alerts.clear_alert(conn, INSTALLATION, "key/old", now)
    yield Step("", "")


def kept(app: App) -> dict[str, Any]:
    """How long what is kept, and the months there are: `days` by kind, `oldest_run`, and for each of `months` its
    first day, table, bytes, and the day in whose night it goes."""
    keep = app.settings.keep
    with app.db.begin() as conn:
        months = partitions.sizes(conn)
        oldest = retention.oldest_run(conn)
    return {
        "days": msgspec.structs.asdict(keep),
        "oldest_run": oldest.isoformat() if oldest else "",
        "months": [
            {
                "month": month.first.isoformat()[:7],
                "table": month.table,
                "lasting": month.lasting,
                "bytes": size,
                "goes_on": (month.end + timedelta(days=keep.journal if month.lasting else keep.evidence)).isoformat(),
            }
            for month, size in months
        ],
    }


def tell_chain(duty: Duty, connection_id: int, key: str, faults: list[str]) -> None:
    """Raises or clears the alarm about one audit chain."""
    now = duty.app.clock()
    with duty.app.db.begin() as conn:
        if not faults:
            alerts.clear_alert(conn, connection_id, key, now)
            return
        sentence = f"The audit trail is not whole: {faults[0]}"
        remedy = (
            "Run `ml-connector audit verify` for all findings, keep the database as it is, and compare with the last "
            "backup: somebody changed rows past the program."
        )
        alerts.raise_alert(conn, connection_id, Alert(key, URGENT, sentence, remedy), now)


def _over(month: partitions.Month, keep: Retention, now: datetime) -> bool:
    return month_over(month.end, keep.journal if month.lasting else keep.evidence, now)


def _emptied(duty: Duty, purge: Callable[..., int], noun: str) -> Iterator[Step]:
    """Purges batch by batch until a batch is not full."""
    gone = 0
    while True:
        with duty.app.db.begin() as conn:
            batch = purge(conn)
        gone += batch
        if batch < BATCH:
            break
        yield Step("more", "")
    yield Step("", f"{counted(gone, noun)} removed" if gone else "")
