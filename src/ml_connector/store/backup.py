"""Everything in one file, and back: backup and restore, whichever database it is."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psycopg
from psycopg import conninfo as libpq

from ml_connector.kernel.errors import BadInput, DatabaseTrouble
from ml_connector.store import audit, bulk, migrate, restored
from ml_connector.store.binaries import MAJOR, pipe, programs, run_tool
from ml_connector.store.postgres import Database, embedded_conninfo
from ml_connector.store.queue_schema import SCHEMA
from ml_connector.store.schema import METADATA
from ml_connector.store.server import EmbeddedServer
from ml_connector.store.trouble import disk_full, translating

_HOURS = 6 * 3600.0
_REVISION = re.compile(r"^COPY public\.alembic_version [^\n]*\n([^\n\\]+)$", re.MULTILINE)


class Backup(msgspec.Struct, frozen=True):
    """What a backup or a restore was about. Secrets in the file stay sealed; their key is not in it."""

    path: Path
    size: int
    """Bytes of the file."""
    revision: str
    """Schema the file was made with."""
    connections: int
    """How many connections it holds."""
    heads: dict[int, str]
    """End of each audit chain by connection id, `number:hash`; 0 is the installation."""
    moved: Path | None = None
    """Where a data directory of another major version was put aside."""


def backup(home: Path, url: str | None, path: Path) -> Backup:
    """Writes the whole database to `path` (mode 0600, in one piece or not at all), as of one moment.

    Works while runs go on, and on an embedded data directory of another major version whose programs are installed.
    Raises BadInput when the file exists, DatabaseTrouble when the dump fails.
    """
    path = path.expanduser().absolute()
    if path.exists():
        raise BadInput(f"{path} exists already; a backup never overwrites one.", remedy="Name another file.")
    part = path.with_name(path.name + ".part")
    with _session_info(home, url) as conninfo, _fresh(part):
        options = ["--format=custom", "--compress=gzip:1", "--no-owner", "--no-privileges", "--lock-wait-timeout=60s"]
        with _moment(conninfo) as (snapshot, number, ends):
            _tool("pg_dump", [*options, f"--snapshot={snapshot}", f"--file={part}"], conninfo)
        made = Backup(path, part.stat().st_size, _revision_of(part), number, ends)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    return made


def restore(home: Path, url: str | None, path: Path, *, replace: bool = False) -> Backup:
    """Puts a backup in place of what the database holds: wholly, or not at all when anything fails.

    Raises BadInput when the file is no backup of ours, or the database holds connections and `replace` is false;
    DatabaseTrouble when a newer release made the file. An embedded data directory of another major version is put
    aside under another name, never removed. Runs the migrations the backup lacks, forgets who was at work when it was
    made (restored.py), and checks every audit chain.
    """
    path = path.expanduser().absolute()
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    revision = _revision_of(path)
    if revision > migrate.HEAD:
        raise migrate.newer(revision)
    moved = None if url else _set_aside(home, replace)
    with Database.open(home, url, as_it_is=True) as database:
        with database.begin() as conn:
            filled = migrate.revision(conn) is not None
            held = filled and bulk.fetch(conn, "SELECT count(*) FROM connections")[0][0]
            at_work = restored.others(conn)
        if held and not replace:
            raise BadInput(
                "The database holds connections; restoring would replace them.",
                remedy="Make a backup first, then restore with --replace.",
            )
        if at_work:
            raise BadInput(
                f"Other processes use this database: {', '.join(at_work)}.",
                remedy="Stop every ml-connector process first: none may go on with what it knew.",
            )
        _replay(path, database.conninfo)
        with database.begin() as conn:
            migrate.upgrade(conn)
            restored.forget_work(conn)
            faults = [fault for chain in audit.chains(conn) for fault in audit.verify(conn, chain)]
        with _moment(database.conninfo) as (_, number, ends):
            made = Backup(path, path.stat().st_size, revision, number, ends)
    if faults:
        raise DatabaseTrouble(
            f"The backup was restored, but its audit trail is not whole: {faults[0]}",
            remedy="Run `ml-connector audit verify` for all findings, and compare with an earlier backup.",
        )
    return msgspec.structs.replace(made, moved=moved)


@contextmanager
def _session_info(home: Path, url: str | None) -> Iterator[str]:
    """How to reach the database to be dumped; an embedded server is started for it, of whatever major version."""
    if url:
        with Database.open(home, url, as_it_is=True) as database:
            with database.begin() as conn:
                migrate.refuse_newer(conn)
            yield database.conninfo
        return
    server = EmbeddedServer(home)
    if server.major() is None:
        raise BadInput(f"There is no database in {server.home} to back up.")
    with translating("the embedded database", server.home):
        server.start()
    try:
        yield embedded_conninfo(server)
    finally:
        server.stop()


@contextmanager
def _fresh(part: Path) -> Iterator[None]:
    """A new empty file of mode 0600, gone again when the block fails."""
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise BadInput(f"{part} cannot be written: {error.strerror}.") from error
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _set_aside(home: Path, replace: bool) -> Path | None:
    """Moves an embedded data directory of another major version aside; its new place, or None when there was none."""
    server = EmbeddedServer(home)
    found = server.major()
    if found is None or found == MAJOR:
        return None
    if server.running():
        raise DatabaseTrouble(
            f"A PostgreSQL {found} still runs on {server.data}.", remedy="Stop every ml-connector process first."
        )
    place = server.home / f"postgres-{found}"
    if place.exists() and not replace:
        raise BadInput(f"{place} exists already.", remedy="Move it away, then run restore again.")
    number = 1
    while place.exists():
        number += 1
        place = server.home / f"postgres-{found}-{number}"
    server.data.rename(place)
    return place


@contextmanager
def _moment(conninfo: str) -> Iterator[tuple[str, int, dict[int, str]]]:
    """One moment of the database: its snapshot, to be used while the block lasts, and for the report how many
    connections it holds and where its audit chains end."""
    with translating("the database"), psycopg.connect(conninfo) as session:
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        session.read_only = True
        session.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # a dump may take its time
        snapshot, number = session.execute("SELECT pg_export_snapshot(), count(*) FROM connections").fetchall()[0]
        heads = session.execute("SELECT connection_id, seq, hash FROM audit_heads ORDER BY 1").fetchall()
        yield snapshot, number, {chain: str(audit.Head(seq, digest)) for chain, seq, digest in heads}


def _revision_of(path: Path) -> str:
    """The schema a backup was made with; BadInput when the file is no backup of ours."""
    command = [str(programs(MAJOR) / "pg_restore"), "--data-only", "--table=alembic_version", "--file=-", str(path)]
    done = run_tool(command, {}, _HOURS)
    found = _REVISION.search(done.stdout)
    if done.returncode != 0 or found is None:
        raise BadInput(f"{path} is not a backup of ml-connector.")
    return found.group(1)


def _replay(path: Path, conninfo: str) -> None:
    """Puts what the file holds in place of our tables and the queue's, in one transaction.

    What is here goes first and by name: a backup of an older release knows nothing of the tables that came after it.
    """
    tables = ", ".join(f'public."{name}"' for name in [*METADATA.tables, "alembic_version"])
    first = f"""
        BEGIN;
        SET client_min_messages = warning;
        SET lock_timeout = '60s';
        DROP SCHEMA IF EXISTS {SCHEMA} CASCADE;
        DROP TABLE IF EXISTS {tables} CASCADE;
    """
    target, secret = _target(conninfo)
    source = ["--clean", "--if-exists", "--exit-on-error", "--no-owner", "--no-privileges", "--file=-", str(path)]
    sink = ["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", f"--dbname={target}"]
    folder = programs(MAJOR)
    said = pipe([str(folder / "pg_restore"), *source], [str(folder / "psql"), *sink], (first, "\nCOMMIT;\n"), secret)
    if said:
        raise _failure("The restore", said, into=True)


def _target(conninfo: str) -> tuple[str, dict[str, str]]:
    """A database as a program is told of it: its password travels in the environment, not on the command line."""
    parts = libpq.conninfo_to_dict(conninfo)
    password = parts.pop("password", None)
    target = libpq.make_conninfo(**{key: str(value) for key, value in parts.items()})
    return target, {"PGPASSWORD": str(password)} if password else {}


def _tool(name: str, options: list[str], conninfo: str) -> None:
    """Runs pg_dump on a database."""
    target, secret = _target(conninfo)
    command = [str(programs(MAJOR) / name), f"--dbname={target}", "--no-password", *options]
    try:
        done = run_tool(command, secret, _HOURS)
    except subprocess.TimeoutExpired:
        raise DatabaseTrouble(f"{name} did not finish within six hours.") from None
    if done.returncode:
        raise _failure(name, done.stderr.splitlines(), into=False)


def _failure(what: str, said: list[str], *, into: bool) -> DatabaseTrouble:
    """The error for a program that failed, with the first thing it said about it."""
    if any("No space left on device" in line for line in said):
        return disk_full("the database" if into else "the backup")
    lines = [line for line in said if "error" in line.lower()] or said
    reason = lines[0].strip()[:300] if lines else "it gave no reason"
    remedy = "Nothing was changed." if into else "No file was left behind."
    return DatabaseTrouble(f"{what} failed: {reason}", remedy=remedy)
