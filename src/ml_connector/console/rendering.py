"""Templates to text: everything is escaped, and what a template misses is an error, not a gap."""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from ml_connector.console import titles, wording
from ml_connector.console.policy_rows import rows_of
from ml_connector.console.showing import furnish
from ml_connector.kernel.currency import DECIMALS

STATIC = Path(__file__).parent / "static"
"""Everything a browser loads besides pages."""

_TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> str:
    """The text of a template with these values."""
    return environment().get_template(template).render(**values)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates, read once."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["static"] = static
    furnish(made)
    made.filters["guided"] = wording.FILTER
    made.filters.update(titles.FILTERS)
    made.filters["amount"] = amount
    made.filters["local"] = local
    made.filters["rows_of"] = rows_of
    made.filters["person"] = _person
    made.filters["exact"] = exact
    made.filters["words"] = lambda text: str(text).replace("_", " ")
    return made


@lru_cache(maxsize=256)
def static(name: str) -> str:
    """The address of an asset; it changes with its content, so that browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@pass_context
def _person(context: Context, name: str, begins: bool = False) -> str:
    """Somebody as the page calls them: `Page.person`."""
    return str(context["page"].person(name, begins))


def amount(value: Any, currency: str = "") -> str:
    """A figure as people read it: thousands parted, the currency's own number of places."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    if not currency or not number.is_finite():
        return f"{number:,}"
    finer = -int(number.normalize().as_tuple().exponent)
    return f"{number:,.{max(DECIMALS.get(currency, 2), finer)}f}"


def local(moment: datetime | str | None, zone: str = "") -> str:
    """A moment as read in a zone (UTC when none is said): 2026-11-27 14:05."""
    found = _aware(moment)
    return f"{found.astimezone(ZoneInfo(zone or 'UTC')):%Y-%m-%d %H:%M}" if found else ""


def exact(moment: datetime | str | None) -> str:
    """A moment to the second with its zone, for machines and for whoever wants to know exactly."""
    found = _aware(moment)
    return found.isoformat(timespec="seconds") if found else ""


def _aware(moment: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(moment) if isinstance(moment, str) and moment else moment or None
