"""How values are written on a page: money, moments, states, addresses; given to the templates by `furnish`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from ml_connector.console.tones import tag_tone, tone
from ml_connector.kernel.currency import DECIMALS
from ml_connector.views.listing import MOST_EXPORTED

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_DAYS_AGO = 45
"""Days for which "ago" is said in days; what is older is said by its date."""
_PLACES = ("sort", "down", "page", "size")
"""Fields of a look that are no filter and no words."""


def furnish(environment: Environment) -> None:
    """Gives an environment the filters and functions that base.html and parts.html use."""
    environment.filters.update(
        figure=figure,
        moment_text=moment_text,
        moment_short=moment_short,
        moment_exact=moment_exact,
        day_text=day_text,
        ago_text=ago_text,
    )
    environment.globals.update(
        look_url=look_url,
        export_url=export_url,
        filters_of=filters_of,
        asked_for=asked_for,
        csrf=_csrf,
        tone=tone,
        tag_tone=tag_tone,
        now=_now,
        moment_iso=moment_iso,
        most_exported=MOST_EXPORTED,
    )


def figure(amount: object, currency: str = "") -> str:
    """An amount as people read it: thousands, the currency's decimals at least, a true minus; a dash for none."""
    if amount is None or amount == "":
        return "\u2013"
    try:
        exact = Decimal(str(amount))
    except InvalidOperation:
        return str(amount)
    if not exact.is_finite():
        return str(amount)
    least = DECIMALS.get(currency, 2) if currency else 0
    places = max(least, -int(exact.normalize().as_tuple().exponent))
    return f"{exact:,.{places}f}".replace("-", "\u2212")


def moment_of(value: object) -> datetime | None:
    """An aware moment out of a moment or its ISO text; None for anything else. A naive one is taken for UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def moment_iso(value: object) -> str:
    """The moment for a machine, in UTC; empty when it is none."""
    moment = moment_of(value)
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else ""


def moment_text(value: object, zone: str = "") -> str:
    """`27 Nov 2026, 14:05` in that zone (empty: UTC)."""
    moment = moment_of(value)
    return f"{_in_zone(moment, zone):%-d %b %Y, %H:%M}" if moment else str(value or "\u2013")


def moment_short(value: object, now: object, zone: str = "") -> str:
    """The same without the year while it is the year of `now`."""
    moment, present = moment_of(value), moment_of(now)
    if moment is None or present is None or _in_zone(moment, zone).year != present.year:
        return moment_text(value, zone)
    return f"{_in_zone(moment, zone):%-d %b, %H:%M}"


def moment_exact(value: object, zone: str = "") -> str:
    """The moment to the second with the name of its zone, for who looks closer."""
    moment = moment_of(value)
    return f"{_in_zone(moment, zone):%A %-d %B %Y, %H:%M:%S} {zone or 'UTC'}" if moment else ""


def day_text(value: object) -> str:
    """`27 Nov 2026` for a date or its ISO text."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value[:10])
        except ValueError:
            return str(value)
    return f"{value:%-d %b %Y}" if isinstance(value, date) else "\u2013"


def ago_text(value: object, now: object) -> str:
    """`5 min ago`, `in 3 h`: how far a moment is from `now`; by its date when that is long."""
    moment, present = moment_of(value), moment_of(now)
    if moment is None or present is None:
        return "\u2013"
    seconds = (present - moment).total_seconds()
    away, ahead = abs(seconds), seconds < 0
    if away < _MINUTE:
        return "in a moment" if ahead else "just now"
    if away < _HOUR:
        words = f"{int(away // _MINUTE)} min"
    elif away < 2 * _DAY:
        words = f"{int(away // _HOUR)} h"
    elif away < _DAYS_AGO * _DAY:
        words = f"{int(away // _DAY)} days"
    else:
        return day_text(moment)
    return f"in {words}" if ahead else f"{words} ago"


def look_url(url: str, look: Mapping[str, Any], **changes: object) -> str:
    """The address of a list as it is looked at, with some fields changed; what says nothing is left out."""
    wanted = {**look, **changes}
    if "page" not in changes:
        wanted["page"] = 1
    plain = {"page": 1, "size": 50, "down": False}
    fields = [
        (name, "true" if value is True else str(value))
        for name, value in wanted.items()
        if value not in (None, "", False) and plain.get(name) != value
    ]
    return f"{url}?{urlencode(fields)}" if fields else url


def export_url(url: str, look: Mapping[str, Any], how: str) -> str:
    """The address of everything a list finds as a file: csv or xlsx."""
    return look_url(url, {**look, "size": 50, "as": how})


def filters_of(look: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a look that filter, without its words, order and place."""
    return {name: value for name, value in look.items() if name not in (*_PLACES, "q")}


@pass_context
def asked_for(context: Context, look: Mapping[str, Any]) -> bool:
    """Whether the address asks for some of a list's rows only, or for a further page; what a page sets itself does not
    count, such as its connection."""
    typed = context["page"].request.query_params
    return look["page"] > 1 or any(typed.get(name, "").strip() for name in ("q", *filters_of(look)))


@pass_context
def _csrf(context: Context) -> Markup:
    token = context["page"].csrf
    return Markup('<input type="hidden" name="csrf" value="{}">').format(token)


@pass_context
def _now(context: Context) -> datetime:
    """The present as the page knows it, which in the demo is the sandbox's."""
    present = getattr(context.get("page"), "now", None)
    return present if isinstance(present, datetime) else datetime.now(UTC)


def in_zone(moment: datetime, zone: str) -> datetime | None:
    """A moment in a zone (in UTC where that is empty or unknown); None at an end of time, where it is none there."""
    try:
        there = ZoneInfo(zone) if zone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        there = UTC
    try:
        return moment.astimezone(there)
    except OverflowError:
        return None


def _in_zone(moment: datetime, zone: str) -> datetime:
    return in_zone(moment, zone) or moment
