"""Remedies name commands; on a page they name the page where the same is done, and lead there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from ml_connector.console.setting_words import with_titles
from ml_connector.console.showing import in_zone, moment_exact, moment_iso, moment_text
from ml_connector.console.titles import spoken


class Place(NamedTuple):
    """Where the pages do what a command does. `{c}` in the address is the connection that is meant."""

    title: str
    address: str
    do: str
    """What a person does there, with {page} for the page: `press Resume on {page}`."""


_CONNECTION = ("the page of the connection", "/connections/{c}")
_PLACES: dict[str, Place] = {
    "check": Place(*_CONNECTION, "press \u201cTest the rights\u201d on {page}"),
    "connection add": Place("the page Set-up", "/setup", "begin it on {page}"),
    "connection check": Place(*_CONNECTION, "press \u201cTest the rights\u201d on {page}"),
    "connection edit": Place(*_CONNECTION, "change it on {page}"),
    "connection list": Place("the page Connections", "/connections", "look at {page}"),
    "connection rebind": Place(*_CONNECTION, "press \u201cAccept these systems anew\u201d on {page}"),
    "connection show": Place(*_CONNECTION, "look at {page}"),
    "exposure": Place("the page Home", "/c/{c}", "press \u201cCompute now\u201d on {page}"),
    "holds": Place("the Inbox", "/c/{c}/inbox", "look at {page}"),
    "inbox": Place("the Inbox", "/c/{c}/inbox", "look at {page}"),
    "jobs": Place("the page Health", "/c/{c}/health", "look at {page}"),
    "jobs cancel": Place("the page Health", "/c/{c}/health", "stop it on {page}"),
    "jobs dismiss": Place("the page Health", "/c/{c}/health", "press \u201cLay aside\u201d on {page}"),
    "jobs list": Place("the page Health", "/c/{c}/health", "look at {page}"),
    "jobs release": Place("the page Health", "/c/{c}/health", "press \u201cPut back\u201d on {page}"),
    "jobs retry": Place("the page Health", "/c/{c}/health", "press \u201cRun now\u201d on {page}"),
    "mapping compare": Place("the versions of the Mapping", "/c/{c}/mapping/versions", "compare them in {page}"),
    "mapping import": Place("the page Mapping", "/c/{c}/mapping", "add it on {page}"),
    "now": Place("the page Runs", "/c/{c}/runs", "press \u201cRun now\u201d on {page}"),
    "pause": Place("the page Health", "/c/{c}/health/pause", "press \u201cPause\u201d on {page}"),
    "plan": Place("the page Plans", "/c/{c}/plans", "have a plan made on {page}"),
    "plans": Place("the page Plans", "/c/{c}/plans", "look at {page}"),
    "probe": Place("the page Health", "/c/{c}/health", "press \u201cAsk whether it answers\u201d on {page}"),
    "resume": Place("the page Health", "/c/{c}/health", "press \u201cResume\u201d on {page}"),
    "rule": Place("the Inbox", "/c/{c}/inbox", "answer it in {page}"),
    "runs": Place("the page Runs", "/c/{c}/runs", "look at {page}"),
    "setup": Place("the page Set-up", "/setup", "look at {page}"),
    "setup show": Place("the page Set-up", "/setup", "look at {page}"),
    "setup survey": Place("the page Set-up", "/setup", "look at both sides on {page}"),
    "status": Place("the page Health", "/c/{c}/health", "look at {page}"),
    "sync": Place("the page Runs", "/c/{c}/runs", "press \u201cRun now\u201d on {page}"),
    "user enable": Place("the page Users", "/users", "press \u201cLet sign in again\u201d on {page}"),
    "user list": Place("the page Users", "/users", "look at {page}"),
    "webhooks remove": Place(*_CONNECTION, "remove the webhooks on {page}"),
    "webhooks sync": Place(*_CONNECTION, "press \u201cRegister or repair\u201d on {page}"),
}
_WHOLE = {"/c/{c}/health": "/health", "/c/{c}": "/", "/connections/{c}": "/connections"}
"""What an address is where no connection is meant; what is not here has none then."""
_KEEPER = "whoever looks after the installation"

_BEGIN, _MIDDLE, _END = "\ue000", "\ue001", "\ue002"
"""Around an address and the title of its page. Texts of others lose these characters before anything is marked."""
_OURS = dict.fromkeys(map(ord, (_BEGIN, _MIDDLE, _END)))
_PLAN = rf"Read it, then approve it: {_BEGIN}/c/\1/plans/\2{_MIDDLE}the plan{_END}."

_PHRASES: tuple[tuple[str, str], ...] = (
    (r"Start `ml-connector serve`, or (?:`ml-connector worker`[^.]*|a worker)\.", f"Have {_KEEPER} start the service."),
    (r"start `ml-connector serve`,? or a worker", f"have {_KEEPER} start the service"),
    (r"Start `ml-connector serve`\.", f"Have {_KEEPER} start the service."),
    (
        r"Read it with `ml-connector plan \S+`, then `ml-connector sync ([\w-]+) --plan (\w+)`\.",
        _PLAN,
    ),
    (
        r"Read it, then approve it: `ml-connector sync ([\w-]+)[^`]* --plan (\w+)`\.",
        _PLAN,
    ),
    (r"Run `ml-connector plan NAME` and approve the hash it prints\.", "Approve one that waits: `ml-connector plans`."),
    (r"and give the new refresh token: `ml-connector", "and enter the new refresh token on `ml-connector"),
    (r" metadata: `ml-connector connection check`", " metadata: `do ml-connector connection check`"),
    (r"\b(look|See why) with `ml-connector", r"\1 on `ml-connector"),
    (r"cancel it: `ml-connector jobs list` shows its number\.", "stop it on `ml-connector jobs list`."),
    (r"`ml-connector jobs list` lists (it|them)[^.]*\.", r"`ml-connector jobs list` shows \1."),
    (r"then `ml-connector jobs release NUMBER`", "then press \u201cPut back\u201d there"),
    (r"run `ml-connector webhooks sync` on it", "`do ml-connector webhooks sync`"),
    (r"Add a row with `ml-connector mapping import`", "Add a row on `ml-connector mapping import`"),
    (r" \(`ml-connector mapping compare [^`]*`\)", " in `ml-connector mapping compare`"),
    (
        r"`ml-connector webhooks remove (\S+)`, then `ml-connector webhooks sync \S+` begins anew",
        r"Remove the webhooks on `ml-connector webhooks remove \1` and register them again: that begins anew",
    ),
    (
        r"See `ml-connector status` and `ml-connector jobs list`\.",
        "The queue and the agenda on `ml-connector jobs list` tell why.",
    ),
    (r", or leave out --until", ", or leave the field empty"),
    (r"\b(Signing in to )?erp at (?=\S*[.:]\S)", r"\1IFS at "),
    (r"\b(Signing in to )?projects at (?=\S*[.:]\S)", r"\1Procore at "),
    (r"Mend the setting named above and run again\.", "Correct it and try again."),
    (
        r"Give --url https://HOST once, or write url under \[webhooks\][^.]*\.",
        "Type it, such as https://hooks.example.com.",
    ),
    (r"; on the command line by ML_CONNECTOR_\w+", ""),
    (r"See docs/connection-file\.md for every [^.]*\.", "The help of each entry says what it takes."),
    (r" with --note\b", ""),
    (r"Say which one with --target: ", "Choose which one it is: "),
    (r"Say with --target what it is linked to: ", "Say what it is linked to: "),
    (r"then remove it with --force", "then remove it and tick that its links are forgotten"),
    (r"or sync with --anyway, which is audited", f"or ask {_KEEPER} to run it all the same, which is audited"),
)
"""What is said otherwise on a page than by putting a page in place of its command; then in this order."""

_RUN = re.compile(r"\b([Rr]un|[Uu]se) `ml-connector ([^`]+)`")
_COMMAND = re.compile(r"`ml-connector ([^`]+)`")
_DO = re.compile(r"`do ml-connector ([^`]+)`")
_TWICE = re.compile(rf"({_BEGIN}[^{_END}]+{_END})(?: and|,) \1")
_PARTS = re.compile(rf"`([^`{_BEGIN}{_END}]+)`|{_BEGIN}([^{_MIDDLE}{_END}]+){_MIDDLE}([^{_END}]+){_END}")
_INSIDE = re.compile(r"/(?![/\\])")
"""How an address of ours begins; `//host` and `/\\host` are somebody else's."""
_HASHED = re.compile(r"\b([Tt]he (?:approved )?plan) ([0-9a-f]{16})\b")
"""A plan by its hash, which nobody reads on a page."""
_MOMENT = re.compile(r"(?:[A-Z][a-z]{2} )?(\d{4}-\d\d-\d\d \d\d:\d\d) (?:UTC\b|\(([A-Za-z]+(?:/[A-Za-z0-9_+-]+)*)\))")
"""A moment as our sentences tell it: `2026-11-30 06:00 UTC`, `Mon 2026-11-30 06:00 (America/Chicago)`."""
_FILLER = frozenset({"NAME", "NUMBER", "FILE"})


def for_pages(text: str, connection: str = "", zone: str = "") -> Markup:
    """A sentence or remedy as a page shows it: commands become the page that does the same, as a link.

    `connection` is the one at hand, for commands that name none. A command no page has stays, and it is said that it
    belongs on the command line. What has no command in it stays as it is. Whatever the text has from others, such as a
    note or an answer of a system, leads nowhere but to our own pages. Moments are told in `zone`; where that is empty
    in UTC, until the browser puts them in its own.
    """
    if isinstance(text, Markup):
        return text
    text = text.translate(_OURS)
    for pattern, better in _PHRASES:
        text = re.sub(pattern, better, text)
    text = with_titles(text)
    text = _RUN.sub(lambda found: _done(found[2], connection, verb=found[1]), text)
    text = _DO.sub(lambda found: _done(found[1], connection, verb="run"), text)
    text = _COMMAND.sub(lambda found: _named(found[1], connection), text)
    text = _HASHED.sub(lambda found: _plan_at(found[1], found[2], connection), text)
    text = _TWICE.sub(r"\1", text)
    return _linked(text, zone)


def place_of(command: str) -> Place | None:
    """Where the pages do what a command line without the program's name does; None where only it does it."""
    words = command.split()
    return _PLACES.get(" ".join(words[:2])) or _PLACES.get(words[0] if words else "")


def _done(command: str, connection: str, *, verb: str) -> str:
    """`Run` and a command as what is done on the page; as it was where there is none."""
    place = place_of(command)
    if place is None:
        return f"{verb} `ml-connector {command}`"
    told = place.do.replace("{page}", _page(place, command, connection))
    return told[:1].upper() + told[1:] if verb[0].isupper() else told


def _named(command: str, connection: str) -> str:
    """A command as the page of it, or as what it is where there is none."""
    place = place_of(command)
    return _page(place, command, connection) if place else f"`ml-connector {command}` on the command line"


def _page(place: Place, command: str, connection: str) -> str:
    name = _meant(command) or connection
    address = place.address if name else _WHOLE.get(place.address, place.address)
    if "{c}" in address and not name:
        return place.title
    return f"{_BEGIN}{address.replace('{c}', quote(name, safe=''))}{_MIDDLE}{place.title}{_END}"


def _plan_at(words: str, name: str, connection: str) -> str:
    """`The plan` as a link to it, where it is known whose it is; without its hash."""
    return f"{_BEGIN}/c/{quote(connection, safe='')}/plans/{name}{_MIDDLE}{words}{_END}" if connection else words


def _meant(command: str) -> str:
    """The connection a command names; empty where it names none, or something else."""
    known = 2 if " ".join(command.split()[:2]) in _PLACES else 1
    rest = [word for word in command.split()[known:] if not word.startswith("-")]
    alone = command.startswith(("jobs", "mapping", "setup", "user", "rule", "plans"))
    return rest[0] if rest and not alone and rest[0] not in _FILLER else ""


def _linked(text: str, zone: str) -> Markup:
    """The text escaped, its marks as links and code; a mark that begins a sentence begins it in capitals."""
    made, end = Markup(), 0
    for found in _PARTS.finditer(text):
        made += _timed(text[end : found.start()], zone)
        first = not text[: found.start()].strip() or text[: found.start()].rstrip().endswith(".")
        made += _mark(found, large=first)
        end = found.end()
    return made + _timed(text[end:], zone)


def _timed(text: str, zone: str) -> Markup:
    """The text escaped, with its moments in that zone and exact to whoever looks closer."""
    made, end = Markup(), 0
    for found in _MOMENT.finditer(text):
        at = _moment(found[1], found[2] or "UTC", zone)
        if at is not None:
            made += escape(spoken(text[end : found.start()]))
            said = moment_text(at, zone) if zone else f"{moment_text(at)} UTC"
            when = Markup('<time datetime="{}" title="{}">{}</time>')
            made += when.format(moment_iso(at), moment_exact(at, zone), said)
            end = found.end()
    return made + escape(spoken(text[end:]))


def _moment(text: str, zone: str, reader: str) -> datetime | None:
    """The moment told in a zone; None where there is none, in UTC or in the zone of who reads it."""
    try:
        at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        return at if in_zone(at, reader) is not None else None
    except (ValueError, OverflowError, ZoneInfoNotFoundError):
        return None


def _mark(found: re.Match[str], *, large: bool) -> Markup:
    code, address, title = found.groups()
    if code:
        return Markup('<span class="mono">{}</span>').format(code)
    title = title[:1].upper() + title[1:] if large else title
    return Markup('<a href="{}">{}</a>').format(address, title) if _INSIDE.match(address) else escape(title)


@pass_context
def _on_page(context: Context, text: object) -> object:
    """`for_pages` with the connection of the page, or of the address that failed."""
    if not isinstance(text, str) or isinstance(text, Markup):
        return text
    page = context.get("page")
    named = str(getattr(page, "connection", "") or "")
    parts = str(context.get("address") or "").split("/")
    at_hand = named or (parts[2] if len(parts) > 2 and parts[1] == "c" else "")
    return for_pages(text, at_hand, str(getattr(page, "zone", "") or ""))


FILTER: Callable[..., object] = _on_page
"""The filter `guided` of the templates."""
