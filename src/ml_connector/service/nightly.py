"""The nightly work: of a connection its census, exposure, audit trail and certificates; of the installation what must
go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import structlog

from ml_connector.connection_file import config_from
from ml_connector.kernel.errors import ConnectorError, Unavailable
from ml_connector.kernel.text import counted, listed
from ml_connector.service import breaking, exposing, retaining
from ml_connector.service.coding import coding
from ml_connector.service.duty import Done, Duty
from ml_connector.service.naming import naming
from ml_connector.service.stepping import Doing, Step, go
from ml_connector.service.timetable import timetable_of
from ml_connector.service.traced import traced
from ml_connector.store import alerts, audit, hooks, sources
from ml_connector.store.alerts import INSTALLATION, URGENT, WARNING, Alert
from ml_connector.store.connections import ConnectionRow
from ml_connector.systems.certificate import good_until

WHOLE_EVERY = timedelta(days=7)
"""How often an audit chain is checked from its first row; on the other nights from where it was whole before."""
SOON, AT_ONCE = timedelta(days=30), timedelta(days=7)
"""How long before a certificate ends people are warned, and urged."""
VERIFIED, WALKED = "audit/verified", "audit/whole"
"""Watermarks: the end up to which a chain was found whole, and the day on which all of it was."""

_log = structlog.get_logger()


def nightly(duty: Duty) -> Done:
    """Does all of it in jobs of some seconds each; a step that fails is told, and the others are done."""
    steps = CONNECTION if duty.connection else INSTALLATION_STEPS

    def told(name: str, error: Exception | None) -> None:
        _told(duty, name, error)

    return go(duty, steps, told)


def census(duty: Duty, at: str) -> Iterator[Step]:
    """Counts the keys of both sides, part by part, and sets on its way what can be mended."""
    row = _row(duty)
    shut = breaking.standing(duty.app, row)
    if shut:
        raise Unavailable(shut)  # it is not called for now; tried again like whatever has to wait
    paused = timetable_of(duty.app, row, duty.app.clock()).paused("")
    if paused:  # neither side is asked anything then
        yield Step("", f"no census: paused by {paused.actor}")
        return
    counting = duty.app.counting(row.name, repair=True)
    parts = counting.parts()
    for part in parts[parts.index(at) if at in parts else 0 :]:
        try:
            found = counting.take(part)
        except ConnectorError as error:
            breaking.trip(duty.app, row, error)
            raise
        after = parts[parts.index(part) + 1] if part != parts[-1] else ""
        off = [
            f"{counted(number, 'key')} {what}" for what, number in sorted(Counter(one.what for one in found).items())
        ]
        yield Step(after, f"{part}: {listed(off, 3)}" if off else "")


def trail(duty: Duty, at: str) -> Iterator[Step]:
    """Checks the audit chain: all of it once a week and while it is known to be broken, else what is new."""
    app, row = duty.app, _row(duty)
    today = app.clock().astimezone(UTC).date()
    with app.db.begin() as conn:
        noted = sources.watermark(conn, row.id, VERIFIED) or ""
        last = sources.watermark(conn, row.id, WALKED)
        broken = any(one.key == "audit/chain" for one in alerts.standing(conn, row.id))
    whole = at.startswith("whole:") if at else broken or not last or _day(last) + WHOLE_EVERY <= today
    start = audit.head_from(at.partition(":")[2] if at else "" if whole else noted)
    while True:
        with app.db.begin() as conn:
            stretch = audit.verify_on(conn, row.id, start, retaining.STRETCH)
        start = stretch.head
        if stretch.faults:
            retaining.tell_chain(duty, row.id, "audit/chain", stretch.faults)
            yield Step("", "the audit trail is not whole")
            return
        if stretch.ended:
            break
        yield Step(f"{'whole' if whole else 'new'}:{start}", "")
    retaining.tell_chain(duty, row.id, "audit/chain", [])
    with app.db.begin() as conn:
        moved = {VERIFIED: str(start), **({WALKED: today.isoformat()} if whole else {})}
        sources.move_watermarks(conn, row.id, moved)
    yield Step("", "")


def certificates(duty: Duty, at: str) -> Iterator[Step]:
    """Warns before a certificate ends, of a host we call or of our own door's: nothing gets through from then on."""
    row, now = _row(duty), duty.app.clock()
    hosts = _hosts(duty, row)
    sides = list(hosts)
    for side in sides[sides.index(at) if at in sides else 0 :]:
        ends = {url: good_until(url) for url in hosts[side]}
        read = {url: end for url, end in ends.items() if end}
        soonest = min(read, key=lambda url: read[url], default="")
        found = certificate_alert(side, soonest, read[soonest], now) if soonest else None
        with duty.app.db.begin() as conn:
            if found:
                alerts.raise_alert(conn, row.id, found, now)
            elif len(read) == len(ends):
                alerts.clear_alert(conn, row.id, f"certificate/{side}", now)
        # no alarm: a host that is away has one of its own, and not every machine reaches its own public address
        said = [f"{url} showed no certificate" for url, end in ends.items() if end is None]
        after = sides[sides.index(side) + 1] if side != sides[-1] else ""
        yield Step(after, "; ".join([*([found.sentence] if found else []), *said]))


def _hosts(duty: Duty, row: ConnectionRow) -> dict[str, list[str]]:
    """Side to the https addresses of it; `door` is where the other side calls us, by the hooks that are registered."""
    config = config_from(row.config)
    with duty.app.db.begin() as conn:
        parts = [urlsplit(one.url) for one in hooks.of_connection(conn, row.id)]
    found = {
        "erp": {config.erp.url},
        "projects": {config.projects.url},
        "login": {config.projects.login_url},
        "door": {f"{one.scheme}://{one.netloc}" for one in parts},
    }
    return {side: sorted(url for url in urls if url.startswith("https://")) for side, urls in found.items()}


def certificate_alert(side: str, url: str, end: datetime, now: datetime) -> Alert | None:
    """What to tell about a certificate that is good until `end`; nothing while that is far off."""
    left = end - now
    if left > SOON:
        return None
    over = left <= timedelta()
    when = f"ended on {end:%d %B %Y}" if over else f"ends on {end:%d %B %Y}, in {counted(left.days, 'day')}"
    what, remedy = "no request gets through", "Ask whoever runs that host to renew it; nothing is to be changed here."
    if side == "door":
        what, remedy = "no event reaches us", "Renew it where TLS ends in front of the door; polling goes on meanwhile."
    return Alert(
        f"certificate/{side}",
        URGENT if left <= AT_ONCE else WARNING,
        f"The certificate of {url} {when}; without a new one {what}.",
        remedy,
    )


CONNECTION: Mapping[str, Doing] = {
    "audit": trail,
    "certificates": certificates,
    "names": naming,
    "codes": coding,
    "exposure": exposing.look,
    "census": census,
}
"""Steps of a connection's night, those that may take long last."""
INSTALLATION_STEPS: Mapping[str, Doing] = {
    "months": retaining.months,
    "inbox": retaining.inbox,
    "jobs": retaining.jobs,
    "journal": retaining.journal,
    "runs": retaining.runs,
    "holds": retaining.holds,
    "audit": retaining.chains,
    "key": retaining.sealing_key,
}
"""Steps of the installation's night."""


def _told(duty: Duty, name: str, error: Exception | None) -> None:
    """Tells people of a step that failed, and that it is over once it went well."""
    number, now = duty.connection.id if duty.connection else INSTALLATION, duty.app.clock()
    key = f"night/{name}"
    with duty.app.db.begin() as conn:
        if error is None:
            alerts.clear_alert(conn, number, key, now)
            return
        ours = isinstance(error, ConnectorError)
        sentence = f"The nightly {name} failed: {error if ours else type(error).__name__}"
        remedy = (error.remedy if isinstance(error, ConnectorError) else "") or "It is tried again the next night."
        alerts.raise_alert(conn, number, Alert(key, WARNING, sentence, remedy), now)
    whose = duty.connection.name if duty.connection else ""
    _log.warning("nightly.failed", connection=whose, step=name, **({} if ours else traced(error)))


def _row(duty: Duty) -> ConnectionRow:
    assert duty.connection is not None
    return duty.connection


def _day(text: str) -> date:
    return date.fromisoformat(text)
