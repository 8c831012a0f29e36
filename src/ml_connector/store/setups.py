"""Set-ups: connections in the making, their secrets while they have no connection yet, and what was found out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from ml_connector.kernel.errors import BadInput, NothingSuchHere
from ml_connector.store import bulk
from ml_connector.store.connections import SecretRow

_COLUMNS = "id, name, connection_id, answers, marks, begun_by, begun_at, changed_at, finished_at"

LEVELS = "levels"
"""Mark: a person looked at what either account may write, which nobody can test without writing."""
RESTORED = "restored"
"""Mark: a person restored a backup of this installation for a try, before it was let run."""
WITHDRAWN = "withdrawn"
"""Mark: an answer about a pair was taken back."""


class SetupRow(msgspec.Struct, frozen=True):
    """One set-up. `connection_id` is None until both halves are known; no secret is in `answers`."""

    id: int
    name: str
    connection_id: int | None
    answers: dict[str, Any]
    marks: dict[str, dict[str, str]]
    """Step to when and by whom it was said to be done; and the same of `LEVELS`, `RESTORED` and `WITHDRAWN`."""
    begun_by: str
    begun_at: datetime
    changed_at: datetime
    finished_at: datetime | None


class FoundRow(NamedTuple):
    """What was found out of one kind, as JSON, and when."""

    body: bytes
    found_at: datetime


def begin(conn: Connection, name: str, actor: str, connection_id: int | None = None) -> SetupRow:
    """The set-up of that name, made when there is none; `connection_id` when it is about a connection that is there."""
    sql = """
        INSERT INTO setups (name, begun_by, connection_id) VALUES (%s, %s, %s)
        ON CONFLICT (name) DO UPDATE SET connection_id = coalesce(setups.connection_id, excluded.connection_id)
    """
    bulk.run(conn, sql, (name, actor, connection_id))
    return get(conn, name)


def get(conn: Connection, name: str, *, ours: bool = False) -> SetupRow:
    """The set-up of that name; NothingSuchHere when there is none. `ours`: nobody else changes it meanwhile."""
    found = of(conn, name, ours=ours)
    if found is None:
        raise NothingSuchHere(f"There is no set-up called {name!r}.", remedy="`ml-connector setup` lists them.")
    return found


def of(conn: Connection, name: str, *, ours: bool = False) -> SetupRow | None:
    """The set-up of that name, or None."""
    sql = f"SELECT {_COLUMNS} FROM setups WHERE name = %s{' FOR UPDATE' if ours else ''}"
    row = bulk.fetch_one(conn, sql, (name,))
    return SetupRow(*row) if row else None


def listed(conn: Connection) -> list[SetupRow]:
    """Every set-up, the latest changed first."""
    return [SetupRow(*row) for row in bulk.fetch(conn, f"SELECT {_COLUMNS} FROM setups ORDER BY changed_at DESC, id")]


def answer(conn: Connection, setup: int, answers: dict[str, Any]) -> None:
    """Writes what was typed, in place of what was typed before."""
    sql = "UPDATE setups SET answers = %s, changed_at = now() WHERE id = %s"
    bulk.run(conn, sql, (Jsonb(answers), setup))


def mark(conn: Connection, setup: int, step: str, actor: str) -> None:
    """Writes down that a step is done, by whom, and that it was now."""
    sql = """
        UPDATE setups SET changed_at = now(),
            marks = marks || jsonb_build_object(%s::text, jsonb_build_object('at', now(), 'actor', %s::text))
        WHERE id = %s
    """
    bulk.run(conn, sql, (step, actor, setup))


def unmark(conn: Connection, setup: int, steps: Collection[str]) -> None:
    """Some steps are to be done again."""
    sql = "UPDATE setups SET marks = marks - %s::text[], changed_at = now() WHERE id = %s"
    bulk.run(conn, sql, (list(steps), setup))


def made(conn: Connection, setup: int, connection_id: int) -> None:
    """Both halves have become a connection: from here on its secrets are the connection's."""
    bulk.run(conn, "UPDATE setups SET connection_id = %s, changed_at = now() WHERE id = %s", (connection_id, setup))
    bulk.run(conn, "DELETE FROM setup_secrets WHERE setup_id = %s", (setup,))


def finish(conn: Connection, setup: int) -> None:
    """Its last step is done."""
    bulk.run(conn, "UPDATE setups SET finished_at = coalesce(finished_at, now()) WHERE id = %s", (setup,))


def drop(conn: Connection, setup: int) -> None:
    """Forgets a set-up, with its secrets and what was found."""
    bulk.run(conn, "DELETE FROM setups WHERE id = %s", (setup,))


def put_secret(conn: Connection, setup: int, row: SecretRow) -> None:
    """Keeps a sealed secret of a half, in place of the one before it."""
    sql = """
        INSERT INTO setup_secrets (setup_id, field, nonce, sealed, key_id) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (setup_id, field) DO UPDATE
        SET nonce = excluded.nonce, sealed = excluded.sealed, key_id = excluded.key_id
    """
    bulk.run(conn, sql, (setup, *row[1:]))


def secrets_of(conn: Connection, setup: int) -> list[SecretRow]:
    """The sealed secrets of a set-up that is no connection yet; their number is the set-up's below zero."""
    sql = "SELECT -setup_id, field, nonce, sealed, key_id FROM setup_secrets WHERE setup_id = %s"
    return [SecretRow(*row) for row in bulk.fetch(conn, sql, (setup,))]


def fields_of(conn: Connection, setup: int) -> set[str]:
    """Which secrets of a set-up are kept, by their names."""
    sql = """
        SELECT field FROM setup_secrets WHERE setup_id = %s
        UNION SELECT field FROM secrets JOIN setups USING (connection_id) WHERE setups.id = %s
    """
    return {str(row[0]) for row in bulk.fetch(conn, sql, (setup, setup))}


def keep(conn: Connection, setup: int, what: str, body: bytes) -> None:
    """Keeps what was found out of one kind, in place of what was found before."""
    sql = """
        INSERT INTO setup_findings (setup_id, what, body) VALUES (%s, %s, %s)
        ON CONFLICT (setup_id, what) DO UPDATE SET body = excluded.body, found_at = now()
    """
    bulk.run(conn, sql, (setup, what, body))


def found(conn: Connection, setup: int, what: str) -> FoundRow | None:
    """What was found out of one kind; None when nobody looked yet."""
    sql = "SELECT body, found_at FROM setup_findings WHERE setup_id = %s AND what = %s"
    row = bulk.fetch_one(conn, sql, (setup, what))
    return FoundRow(bytes(row[0]), row[1]) if row else None


def found_at(conn: Connection, setup: int) -> dict[str, datetime]:
    """Kinds of findings that are kept, and when each was found."""
    sql = "SELECT what, found_at FROM setup_findings WHERE setup_id = %s"
    return {str(row[0]): row[1] for row in bulk.fetch(conn, sql, (setup,))}


def forget(conn: Connection, setup: int) -> None:
    """What was found is of other systems, or of another account, than those named now."""
    bulk.run(conn, "DELETE FROM setup_findings WHERE setup_id = %s", (setup,))


class ApprovedRow(NamedTuple):
    """The plan that a person approved last: by whom, when, and how it stands."""

    plan: str
    state: str
    actor: str
    at: datetime


def approved(conn: Connection, connection_id: int) -> ApprovedRow | None:
    """The plan of a connection that a person approved last, all of it or a part; None where nobody ever did."""
    sql = """
        SELECT hash, state, approved_by, approved_at FROM plans
        WHERE connection_id = %s AND approved_by <> '' ORDER BY approved_at DESC LIMIT 1
    """
    row = bulk.fetch_one(conn, sql, (connection_id,))
    return ApprovedRow(*row) if row else None


def was_approved(conn: Connection, connection_id: int) -> bool:
    """Whether a person ever approved a plan of a connection, all of it or a part."""
    sql = """
        SELECT EXISTS (SELECT 1 FROM plans WHERE connection_id = %s AND approved_by <> '')
            OR EXISTS (SELECT 1 FROM audit WHERE connection_id = %s AND tag = 'plan:approve:done')
    """
    row = bulk.fetch_one(conn, sql, (connection_id, connection_id))
    return bool(row and row[0])


def check_approved(conn: Connection, connection_id: int) -> None:
    """BadInput where a set-up made a connection and nobody has approved a plan of it: no plan goes by itself yet."""
    sql = """
        SELECT c.name FROM setups s JOIN connections c ON c.id = s.connection_id
        WHERE c.id = %s AND s.begun_at < c.created_at
    """
    made = bulk.fetch_one(conn, sql, (connection_id,))
    if made and not was_approved(conn, connection_id):
        raise BadInput(
            f"No plan of connection {made[0]} was approved yet, so none may go by itself.",
            remedy="Make the first plan and approve it; later ones may go by themselves then.",
        )


def overtaken(conn: Connection, connection_id: int) -> bool:
    """Whether what a plan rests on changed after the last one was begun: settings, mapping, answers, or whom it joins.

    False where none was made. A plan made again and found to be the same counts as new.
    """
    sql = """
        SELECT coalesce(greatest(
            (SELECT updated_at FROM connections WHERE id = %(connection)s),
            (SELECT max(created_at) FROM mapping_versions WHERE connection_id = %(connection)s),
            (SELECT max(at) FROM rulings WHERE connection_id = %(connection)s),
            (SELECT (marks->%(withdrawn)s::text->>'at')::timestamptz FROM setups WHERE connection_id = %(connection)s)
        ) > (SELECT max(started_at) FROM runs
             WHERE connection_id = %(connection)s AND plan_hash <> '' AND trigger <> 'webhook'), false)
    """
    found = bulk.fetch_named(conn, sql, {"connection": connection_id, "withdrawn": WITHDRAWN})
    return bool(found[0][0])
