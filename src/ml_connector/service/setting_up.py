"""A person sets a connection up: both halves one after the other, kept as they are typed; paused until a plan is
approved. What is looked at on both sides, and answered about it, is in surveying.py and pairing.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import tomlkit

from ml_connector.app import App
from ml_connector.connection_file import SECRET_FIELDS, check_name, check_zone, host_address, moved
from ml_connector.kernel.errors import BadInput, ConnectorError
from ml_connector.kernel.text import clipped
from ml_connector.planning.first_steps import KEYS, SKIPPABLE
from ml_connector.service import elsewhere
from ml_connector.service.pausing import BEING_SET_UP
from ml_connector.store import connections, setups
from ml_connector.store.bulk import Transaction
from ml_connector.store.connections import ConnectionRow
from ml_connector.store.setups import SetupRow
from ml_connector.systems.opening import Opened

_LONGEST = 300
_PARTS = {
    "erp": ("url", "realm", "client_id", "channel"),
    "projects": ("url", "login_url", "client_id", "company_id"),
}
_MUST = {"erp": ("url", "realm", "client_id"), "projects": ("url", "client_id", "company_id")}
_LEFT_EMPTY = {"erp": {"channel": "int"}, "projects": {"login_url": ""}}
"""What stands in a connection for a part that may be left empty."""
_CALLED = {
    "url": "address",
    "realm": "realm",
    "client_id": "client id",
    "channel": "channel",
    "login_url": "sign-in address",
    "company_id": "company number",
}
SYSTEMS = {"erp": "IFS", "projects": "Procore"}
"""A side to the system people know it by."""


class Half(msgspec.Struct, frozen=True):
    """What was typed of one side. An empty secret keeps the one that is there, but where an address or the realm
    becomes another: a secret is sent nowhere but where it was typed for."""

    side: str
    parts: dict[str, str]
    secret: str = ""
    time_zone: str = ""
    """Of IFS's stamps; empty keeps what is there."""


class Reached(msgspec.Struct, frozen=True):
    """What a side answered when it was signed in to."""

    ok: bool
    companies: tuple[tuple[str, str], ...] = ()
    """Id and name of those that can be chosen; empty where they may not be listed."""
    sentence: str = ""
    remedy: str = ""


def begin(app: App, name: str, title: str = "") -> SetupRow:
    """Begins to set a connection up, or goes on with it; of a connection that is there, its set-up."""
    check_name(name)
    with app.db.begin() as conn:
        there = {row.name: row for row in connections.listed(conn)}.get(name)
        row = setups.begin(conn, name, app.actor, there.id if there else None)
        if title or "title" not in row.answers:
            shown = clipped(title.strip() or (there.title if there else "") or name, _LONGEST)
            setups.answer(conn, row.id, {**row.answers, "title": shown})
        return setups.get(conn, name)


def drop(app: App, name: str) -> None:
    """Forgets a set-up that has no connection yet, with its secrets; BadInput when it has one."""
    with app.db.begin() as conn:
        row = setups.get(conn, name, ours=True)
        if row.connection_id is not None:
            raise BadInput(
                f"{name} is a connection already.", remedy="Remove the connection; its set-up then goes with it."
            )
        setups.drop(conn, row.id)


def connect(app: App, name: str, half: Half) -> Reached:
    """Keeps one side as it was typed, its secret sealed, and signs in to it; what it answered is kept as well.

    BadInput when what was typed cannot be used; a sign-in that fails is an answer. IFS shows the companies to choose
    from; Procore answers a service account only about a company it names, which is chosen once Procore shows it.
    """
    parts = _checked(half)
    with app.db.begin() as conn:
        row = setups.get(conn, name)
        missing = not half.secret and SECRET_FIELDS[half.side] not in setups.fields_of(conn, row.id)
    if missing:
        raise BadInput(f"The client secret of {SYSTEMS[half.side]} is missing.", remedy="Type or paste it once.")
    if row.connection_id is None and half.side in row.answers:
        secret = {"client_secret": half.secret} if half.secret else {}
        known = {name: row.answers[half.side].get(name, "") for name in _PARTS[half.side]}
        moved({half.side: known}, {half.side: {**dict.fromkeys(known, ""), **parts, **secret}})
    if row.connection_id is None:
        _keep_draft(app, row, half, parts)
    else:
        _change(app, row, half, parts)
    reached = _reach(app, name, half.side)
    with app.db.begin() as conn:
        row = setups.get(conn, name, ours=True)
        kept = dict(row.answers.get(half.side) or {})
        if half.side == "projects":
            kept["company"] = parts["company_id"]
        elif len(reached.companies) == 1 and not kept.get("company"):
            kept["company"] = reached.companies[0][0]
        answers = {**row.answers, half.side: {**kept, "reached": msgspec.to_builtins(reached)}}
        setups.answer(conn, row.id, answers)
    if half.side == "projects" and row.connection_id is None and parts["company_id"] in dict(reached.companies):
        choose(app, name, "projects", parts["company_id"])
    return reached


def choose(app: App, name: str, side: str, company: str) -> SetupRow:
    """Chooses the company of one side; with both chosen the connection is made, paused. BadInput when it cannot be."""
    company = company.strip()
    if not company or len(company) > _LONGEST:
        raise BadInput(f"Say which {SYSTEMS[side]} company it is.", remedy="Choose one, or type its id.")
    with app.db.begin() as conn:
        row = setups.get(conn, name, ours=True)
        kept = row.answers.get(side) or {}
        offered = [one for one, _ in _companies(kept)]
        if offered and company not in offered:
            raise BadInput(
                f"{SYSTEMS[side]} does not show a company {company!r} to this account.",
                remedy=f"It shows {', '.join(offered[:8])}: choose one of them, or give the account that company.",
            )
        if row.connection_id is None and not kept.get("url"):
            raise BadInput(f"{SYSTEMS[side]} is not connected yet.", remedy="Say first where it is.")
        answers = {**row.answers, side: {**kept, "company": company, "chosen": True}}
        setups.answer(conn, row.id, answers)
        row = setups.get(conn, name)
    if row.connection_id is not None:
        entry = {"connection": {"erp_company": company}} if side == "erp" else {"projects": {"company_id": company}}
        elsewhere.changed(app, name, entry)
    elif all((row.answers.get(one) or {}).get("chosen") for one in SECRET_FIELDS):
        _make(app, row)
    with app.db.begin() as conn:
        return setups.get(conn, name)


def mark(app: App, name: str, step: str) -> None:
    """A person says a step is done as it stands. BadInput for one that must be done in fact."""
    if step not in SKIPPABLE:
        raise BadInput(f"Step {step!r} cannot be skipped.", remedy=f"These can: {', '.join(sorted(SKIPPABLE))}.")
    done(app, name, step)


def done(app: App, name: str, step: str) -> None:
    """Writes down that a step is done."""
    assert step in KEYS
    with app.db.begin() as conn:
        setups.mark(conn, of_connection(conn, app, name).id, step, app.actor)


def answered(app: App, name: str, what: str, answer: str) -> None:
    """Keeps which of some ways was chosen, beside what follows from it in the connection itself."""
    with app.db.begin() as conn:
        of_connection(conn, app, name)
        row = setups.get(conn, name, ours=True)
        setups.answer(conn, row.id, {**row.answers, what: answer})


def looked(app: App, name: str, *, seen: bool) -> None:
    """A person says that they looked at what both accounts may write (planning/first_rights.py), or takes it back."""
    connection_of(app, name)
    with app.db.begin() as conn:
        row = of_connection(conn, app, name)
        if seen:
            setups.mark(conn, row.id, setups.LEVELS, app.actor)
        else:
            setups.unmark(conn, row.id, [setups.LEVELS])


def of_connection(conn: Transaction, app: App, name: str) -> SetupRow:
    """The set-up of a connection that is there, begun now where it has none; NothingSuchHere when there is neither."""
    row = setups.of(conn, name)
    if row is None:
        row = setups.begin(conn, name, app.actor, connections.get(conn, name).id)
    return row


def connection_of(app: App, name: str) -> ConnectionRow:
    """The connection a set-up has made; BadInput while it has made none."""
    with app.db.begin() as conn:
        row = setups.of(conn, name)
        if row is not None and row.connection_id is None:
            raise BadInput(
                f"{name} is not connected to both systems yet.", remedy="Do the first two steps of its set-up."
            )
        return connections.get(conn, name)


def told(error: object, side: str) -> str:
    """What a side said, with the system's name for its role."""
    return str(error).replace(f"Signing in to {side} ", f"Signing in to {SYSTEMS[side]} ")


def _checked(half: Half) -> dict[str, str]:
    """What was typed, trimmed; BadInput names the field that cannot be used."""
    system = SYSTEMS[half.side]
    parts = {name: half.parts.get(name, "").strip() for name in _PARTS[half.side]}
    for name, text in parts.items():
        if name in _MUST[half.side] and not text:
            raise BadInput(f"The {_CALLED[name]} of {system} is missing.", remedy="Fill it in.")
        if len(text) > _LONGEST or not text.isprintable():
            raise BadInput(f"The {_CALLED[name]} of {system} is no such text.", remedy="Type it again.")
    for name in ("url", "login_url"):
        if parts.get(name):
            parts[name] = host_address(parts[name], f"The {_CALLED[name]} of {system}")
    if half.side == "erp" and "/" in parts["realm"]:
        raise BadInput("The realm of IFS has no strokes in it.", remedy="It is one word, such as acmeprod.")
    if parts.get("channel") not in (None, "", "int", "main"):
        raise BadInput("The channel of IFS is int or main.")
    if half.time_zone:
        check_zone(half.time_zone, "The time zone of IFS")
    if len(half.secret) > 4096 or not half.secret.isprintable():
        raise BadInput(f"The client secret of {system} is no such text.", remedy="Paste it again, without line ends.")
    return {name: text for name, text in parts.items() if text}


def _keep_draft(app: App, row: SetupRow, half: Half, parts: dict[str, str]) -> None:
    field = SECRET_FIELDS[half.side]
    sealed = app.wiring.seal_draft(row.id, field, half.secret) if half.secret else None
    with app.db.begin() as conn:
        row = setups.get(conn, row.name, ours=True)
        before = row.answers.get(half.side) or {}
        same = all(before.get(name) == parts.get(name) for name in _PARTS[half.side])
        kept = {**parts, "company": before.get("company", "") if same else "", "chosen": same and before.get("chosen")}
        answers = {**row.answers, half.side: kept}
        if half.time_zone:
            answers["time_zone"] = half.time_zone
        setups.answer(conn, row.id, answers)
        if sealed:
            setups.put_secret(conn, row.id, sealed)


def _change(app: App, row: SetupRow, half: Half, parts: dict[str, str]) -> None:
    # a half is sent whole: what it leaves empty is no longer there, and no secret goes to an address named before
    part: dict[str, Any] = {**_LEFT_EMPTY[half.side], **parts}
    if half.secret:
        part["client_secret"] = half.secret
    changes: dict[str, Any] = {half.side: part}
    if half.time_zone:
        changes["connection"] = {"time_zone": half.time_zone}
    elsewhere.changed(app, row.name, changes)


def _reach(app: App, name: str, side: str) -> Reached:
    """Signs in to one side and asks for its companies."""
    with app.db.begin() as conn:
        row = setups.get(conn, name)
    try:
        if row.connection_id is not None:
            with app.wiring.asking(app.connection(name), fresh=True) as sides:
                return _asked(sides.erp if side == "erp" else sides.projects, side)
        secret = app.wiring.draft_secrets(row.id)[SECRET_FIELDS[side]]
        return _asked(app.wiring.half(side, _part(side, row.answers[side]), secret), side)
    except ConnectorError as error:
        return Reached(False, (), told(error, side), error.remedy)


def _asked(opened: Opened[Any], side: str) -> Reached:
    opened.seal()
    if side == "projects":
        return _in_procore(opened.system)
    try:
        return Reached(True, tuple(opened.system.companies()))
    except ConnectorError as error:  # signed in: that companies may not be listed is no obstacle
        return Reached(True, (), f"Signed in. Companies cannot be listed: {error}", "Type the company's id.")


def _in_procore(system: Any) -> Reached:
    """Whether the account sees the company it names."""
    companies, wanted = tuple(system.companies()), str(system.settings.company_id)
    if wanted not in dict(companies):
        return Reached(
            False,
            companies,
            f"Signed in, but Procore does not show company {wanted} to this account.",
            "Check the number, and that the app is installed in that company.",
        )
    return Reached(True, companies)


def _part(side: str, kept: Mapping[str, Any]) -> dict[str, Any]:
    """One side's part of a connection file, with what it takes by default."""
    named = {name: kept[name] for name in _PARTS[side] if kept.get(name)}
    if side == "erp":
        return {"channel": "int", "profile": {}, **named}
    defaults = {
        "login_url": "",
        "redirect_uri": "",
        "otherwise": "stop",
        "page_size": 1000,
        "budget_list": "auto",
        "unknown_unit": "create",
        "grant": "client_credentials",
    }
    return {**defaults, **named}


def _make(app: App, row: SetupRow) -> None:
    """Both halves are known: a connection like any other, paused from its first moment."""
    secrets = app.wiring.draft_secrets(row.id)
    answers = row.answers
    data = {
        "connection": {
            "erp_company": answers["erp"]["company"],
            "title": answers.get("title") or row.name,
            "time_zone": answers.get("time_zone") or "UTC",
        },
        "erp": {name: answers["erp"][name] for name in _PARTS["erp"] if answers["erp"].get(name)}
        | {"client_secret": secrets[SECRET_FIELDS["erp"]]},
        "projects": {name: answers["projects"][name] for name in _PARTS["projects"] if answers["projects"].get(name)}
        | {"company_id": answers["projects"]["company"], "client_secret": secrets[SECRET_FIELDS["projects"]]},
    }
    made = app.add_connection(row.name, tomlkit.dumps(data), paused=BEING_SET_UP)
    with app.db.begin() as conn:
        setups.made(conn, row.id, made.id)


def _companies(kept: Mapping[str, Any]) -> list[tuple[str, str]]:
    reached = kept.get("reached") or {}
    return [(str(one[0]), str(one[1])) for one in reached.get("companies") or ()]
