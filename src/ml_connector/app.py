"""The composition root: settings in, App out. The only place that opens the vault and wires rooms together."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from ml_connector.connection_file import (
    ALERTS,
    TOKEN_PAIR,
    TOKENS,
    ConnectionConfig,
    check_name,
    connection_from,
    connection_of,
    differences,
    laid_over,
    moved,
    sealed_of,
    with_secrets,
)
from ml_connector.engine import deskwork, lookup, replay
from ml_connector.engine.census import Census
from ml_connector.engine.exposure import Exposure
from ml_connector.engine.gate import Approval
from ml_connector.engine.money_reading import read_again
from ml_connector.engine.run import Runner
from ml_connector.engine.work import Errand, Outdated, Report
from ml_connector.kernel.clock import Clock, system_clock
from ml_connector.kernel.errors import EnvironmentChanged, Locked
from ml_connector.planning.mapping import DEFAULT, Mapper
from ml_connector.registry import ERP_PROFILES
from ml_connector.settings import Settings, settings_from
from ml_connector.store import audit, breakers, connections, identities, links, mappings, sources, workers
from ml_connector.store import pauses as standing_still
from ml_connector.store.bulk import json_text
from ml_connector.store.connections import ConnectionRow, SecretRow
from ml_connector.store.postgres import Database
from ml_connector.systems.finding import Finding
from ml_connector.systems.port import Progress
from ml_connector.vault.keys import KeyRing, begin_rotation, end_rotation, next_file, prepare_rotation
from ml_connector.vault.sealing import Sealed, reseal, seal
from ml_connector.wiring import Wiring, check_chosen_once, mapping_of, mapping_text


def quiet(_what: str, _count: int) -> None:
    """Progress nobody watches."""


Changes = Mapping[str, Any] | Callable[[ConnectionRow], Mapping[str, Any]]
"""What changes about a connection in the form of its file, or what tells that for the connection as it is."""

_TRIES = 10
_TURNS = 5
_ALIVE = timedelta(seconds=60)
"""A process that has been silent for longer is not counted."""


class App:
    """Every verb of the product; the command line and the console call nothing else."""

    def __init__(
        self, settings: Settings, db: Database, actor: str, progress: Progress = quiet, clock: Clock = system_clock
    ) -> None:
        self.settings = settings
        self.db = db
        self.actor = actor
        self.progress = progress
        self.clock = clock
        self.wiring = Wiring(settings, db, clock)

    @classmethod
    @contextmanager
    def open(
        cls,
        settings: Settings | None = None,
        actor: str = "operator",
        progress: Progress = quiet,
        clock: Clock = system_clock,
    ) -> Iterator[App]:
        """An App over the installation's database, started if it is ours; closed when the block ends.

        Another `clock` is for the sandbox, whose time can be moved.
        """
        settings = settings or settings_from(os.environ)
        with Database.open(settings.home, settings.database_url) as db:
            db.valid = settings.stalled_seconds
            yield cls(settings, db, actor, progress, clock)

    def acting_as(self, actor: str) -> App:
        """The same App in another person's name."""
        other = App(self.settings, self.db, actor, self.progress, self.clock)
        other.wiring = self.wiring
        return other

    # connections ----------------------------------------------------------------------------------------------

    def add_connection(self, name: str, text: str, *, paused: str = "") -> ConnectionRow:
        """Adds a connection from the text of its file; its secrets are sealed. BadInput when it cannot be used.

        With `paused` (why) it is being set up: nothing runs for it from its first moment until a plan is approved.
        """
        parsed = connection_from(text)
        check_name(name)
        ERP_PROFILES[parsed.config.erp.system](parsed.config.erp.profile)
        with self.db.begin() as conn:
            ring = self.ring(may_make=not connections.has_secrets(conn))
            config = _plain(parsed.config)
            number = connections.add(conn, name, parsed.config.connection.title or name, config)
            sealed = [seal(ring, number, field, secret) for field, secret in parsed.secrets.items()]
            connections.put_secrets(conn, [SecretRow(*row) for row in sealed])
            mappings.put(conn, number, mapping_text(parsed.mapping), self.actor)
            audit.append(conn, number, [self._entry("connection:add:done", name)])
            if paused:
                standing_still.put(conn, number, standing_still.PauseRow("", self.actor, paused, setting_up=True))
                audit.append(conn, number, [self._entry("connection:pause:done", name)])
            return connections.get(conn, name)

    def edit_connection(self, name: str, changes: Changes) -> ConnectionRow:
        """Lays `changes` (the form of a connection file, any part of it) over a connection; BadInput when wrong, and
        where a side is to be reached elsewhere and its secret is not among them.

        `changes` may also be what gives them for the connection as it is: it is asked again where somebody else changed
        the connection at the same moment, so that both changes are kept. Locked when that does not end.
        """
        for left in range(_TRIES - 1, -1, -1):
            row = self.connection(name)
            wanted = changes if isinstance(changes, Mapping) else changes(row)
            try:
                return self._edited(row, wanted) if wanted else row
            except Locked:  # overtaken by another change, or in a knot with a run at work: nothing was written
                if not left:
                    raise
        return self.connection(name)

    def _edited(self, row: ConnectionRow, changes: Mapping[str, Any]) -> ConnectionRow:
        name = row.name
        elsewhere = moved(row.config, changes)
        secrets = self.wiring.secrets(row, besides=elsewhere)
        merged = with_secrets(laid_over(dict(row.config), changes), secrets)
        whole = connection_of(merged, f"Connection {name}")
        ERP_PROFILES[whole.config.erp.system](whole.config.erp.profile)
        if TOKEN_PAIR in secrets and _refresh(secrets) == _refresh(whole.secrets):
            whole.secrets[TOKEN_PAIR] = secrets[TOKEN_PAIR]  # not a new one: what is known of it stays
        with self.db.begin() as conn:
            check_chosen_once(conn, row, whole.config)
            ring = self.ring(may_make=False)
            for field in (one for part in elsewhere for one in sealed_of(part)):
                connections.drop_secret(conn, row.id, field)  # no token, either, goes where it was not given for
            title, config = whole.config.connection.title or name, _plain(whole.config)
            connections.update(conn, row.id, title=title, config=config, seen=row.updated_at)
            fresh = {field: secret for field, secret in whole.secrets.items() if secrets.get(field) != secret}
            sealed = [seal(ring, row.id, field, secret) for field, secret in fresh.items()]
            connections.put_secrets(conn, [SecretRow(*one) for one in sealed])  # what was not changed keeps its age
            if ALERTS in secrets and ALERTS not in whole.secrets:
                connections.drop_secret(conn, row.id, ALERTS)
            if {"erp", "projects"} & changes.keys() and not links.count_links(conn, row.id):
                identities.forget(conn, row.id)  # nothing crossed yet: it may as well be another pair of systems
            if {"policy", "connection"} & changes.keys():  # settled documents were decided under the former ones
                sources.look_again_at_all(conn, row.id)
                read_again(conn, row.id)
            told = differences(row.config, _plain(whole.config))
            audit.append(conn, row.id, [self._entry("connection:change:done", name, told)])
        if "mapping" in changes:
            self.import_mapping(name, mapping_text(whole.mapping))
        return self.connection(name)

    def remove_connection(self, name: str, *, force: bool = False) -> None:
        """Removes a connection; one with history only with `force`. Its audit rows stay."""
        row = self.connection(name)
        with self.db.begin() as conn:
            audit.append(conn, row.id, [self._entry("connection:remove:done", name)])
            connections.remove(conn, row.id, force=force)

    def connection(self, name: str) -> ConnectionRow:
        """One connection; NothingSuchHere when there is none of that name."""
        with self.db.begin() as conn:
            return connections.get(conn, name)

    def connections(self) -> list[ConnectionRow]:
        """Every connection, by name."""
        with self.db.begin() as conn:
            return connections.listed(conn)

    # looking at both systems ----------------------------------------------------------------------------------

    def check(self, name: str) -> list[tuple[str, Finding]]:
        """Every right and name needed, side by side, good or bad with the remedy."""
        row = self.connection(name)
        with self.wiring.asking(row, fresh=True) as sides:
            found = [("erp", one) for one in sides.erp.check()] + [("projects", one) for one in sides.projects.check()]
            if all(one.ok for _, one in found):
                try:
                    self.wiring.tie(row, sides, self.actor)
                except EnvironmentChanged as error:
                    found.append((error.side, Finding("tied to", False, error.sentence, error.remedy)))
        return found

    def probe(self, name: str, side: str) -> None:
        """Signs in to one side (erp or projects) anew and asks who it is; raises what is wrong with it."""
        self.wiring.probe(self.connection(name), side, self.actor)

    def rebind(self, name: str) -> dict[str, dict[str, str]]:
        """Ties a connection to the tenant and the company that answer now: a person made sure that they are right.

        What each side says of itself, by side. Audited.
        """
        found = self.wiring.rebind(self.connection(name), self.actor)
        self._went_well(name)
        return found

    def discover(self, name: str) -> dict[str, Any]:
        """What is on both sides, counted, and which projects look like pairs. Writes nothing."""
        with self.wiring.asking(self.connection(name)) as sides:
            ours, _ = sides.erp.system.projects()
            return {
                "erp": sides.erp.discover(),
                "projects": sides.projects.discover(),
                "pairs": lookup.likely_pairs(ours, sides.projects.system.projects()),
            }

    # runs -----------------------------------------------------------------------------------------------------

    def plan(self, name: str, flows: Collection[str] = ()) -> Report:
        """What would be created, changed, linked, held; kept under its hash. Writes nothing on either side."""
        return self._in_turn(Runner.plan, name, flows, Errand(actor=self.actor))

    def sync(self, name: str, flows: Collection[str] = (), approved: Approval | str | None = None) -> Report:
        """Plans and applies; with `approved` (a hash, or an Approval) only what that kept plan holds."""
        return self.run(name, flows, Errand(actor=self.actor), approved)

    def run(self, name: str, flows: Collection[str], errand: Errand, approved: Approval | str | None = None) -> Report:
        """A sync on somebody's errand: who caused it, about which records, and until when it may take.

        With `approved` only what that kept plan holds is sent.
        """
        approval = Approval(approved) if isinstance(approved, str) else approved
        done = self._in_turn(lambda runner: runner.sync(approval), name, flows, errand)
        self._went_well(name)
        return done

    def _in_turn(self, act: Callable[[Runner], Report], name: str, flows: Collection[str], errand: Errand) -> Report:
        """A run by the policies and the mapping that stand when it gets its turn, not when it asked for it."""
        for _ in range(_TURNS):
            with suppress(Outdated):
                return act(self._runner(name, flows, errand))
        raise Locked(f"{name} is being changed by somebody, again and again.", remedy="Run again in a moment.")

    def exposure(self, name: str) -> dict[str, Any]:
        """What would be counted twice in Procore, which must be 0, and is kept here; writes nothing on either side."""
        look = self.exposing(name)
        return look.kept([look.take(project) for project in look.parts()])

    def exposing(self, name: str) -> Exposure:
        """The same to be taken project by project; see engine/exposure.py."""
        runner = self._runner(name, ())
        return Exposure(runner.work, runner.requests)

    def counting(self, name: str, *, repair: bool) -> Census:
        """The census of a connection's keys, to be taken part by part; see engine/census.py."""
        runner = self._runner(name, ())
        return Census(runner.work, repair=repair, requests=runner.requests)

    def replay(self, name: str, what: str, *, mapping: str = "now", of: Collection[str] = ()) -> dict[str, Any]:
        """Decides a past document (of some flows, where two have the same number) or run again from stored evidence.

        `mapping` is then or now. See engine/replay.py.
        """
        row = self.connection(name)
        with self.db.begin() as conn:
            then = self._mapper_for(conn, row.id, (what, "then", of))
            now = then if mapping == "then" else self._mapper_for(conn, row.id, (what, mapping, of))
            return replay.replay(conn, row.id, what, replay.Mappers(now, then), of)

    # people's work --------------------------------------------------------------------------------------------

    def rule(self, name: str, hold: int, answer: str, *, target: str = "", note: str = "") -> dict[str, Any]:
        """Answers a hold; the answer is remembered and used by the next run."""
        row = self.connection(name)
        with self.db.begin() as conn:
            return deskwork.rule(conn, row.id, deskwork.Answer(hold, answer, target, note, self.actor, self._now()))

    def import_mapping(self, name: str, text: str, based_on: int | None = None) -> int:
        """Takes a mapping from TOML as a new version; BadInput when it cannot be used. Returns the version.

        With `based_on` only while that is the newest version: nobody passes over another's change unseen.
        """
        row = self.connection(name)
        mapping = mapping_of(text)
        with self.db.begin() as conn:
            version = mappings.put(conn, row.id, mapping_text(mapping), self.actor, based_on)
            audit.append(conn, row.id, [self._entry("mapping:import:done", str(version))])
        return version

    def export_mapping(self, name: str, version: int | None = None) -> str:
        """A version of the mapping as TOML; the newest when none is named."""
        row = self.connection(name)
        with self.db.begin() as conn:
            if version is not None:
                return mappings.get(conn, row.id, version).toml
            found = mappings.latest(conn, row.id)
            return found.toml if found else mapping_text(DEFAULT)

    def check_mapping(self, name: str, text: str | None = None) -> list[str]:
        """What is wrong or incomplete about a mapping, by default the newest; asks IFS which values exist."""
        row = self.connection(name)
        mapping = mapping_of(text if text is not None else self.export_mapping(name))
        with self.wiring.asking(row) as sides:
            values, _ = sides.erp.system.dimensions()
        with self.db.begin() as conn:
            return deskwork.mapping_gaps(conn, row.id, mapping, values, self._now().date())

    def prepare_key(self) -> tuple[str, str]:
        """The key that is to follow, in a file other machines copy; made unless it is there. Its id, and that file."""
        path = self.settings.key_file
        return prepare_rotation(path, os.environ).id, str(next_file(path))

    def rotate_keys(self) -> tuple[int, bool]:
        """Seals every secret anew with a new or prepared key; how many (tokens left out), and whether the old one went.

        It stays in a variable, and in the file while processes on other hosts may seal with it: until the next call.
        """
        rotation = begin_rotation(self.settings.key_file, os.environ, self._elsewhere())
        with self.db.begin() as conn:
            rows = [Sealed(*row) for row in connections.all_secrets(conn)]
            connections.put_sealing(conn, [SecretRow(*row) for row in reseal(rotation.ring, rows)])
            for number in {row.connection_id for row in rows if row.connection_id > 0}:  # a draft has no trail
                audit.append(conn, number, [self._entry("vault:rotate:done", rotation.ring.current.id)])
        if rotation.drop:
            end_rotation(self.settings.key_file)
        return sum(row.field not in TOKENS.values() for row in rows), rotation.drop

    def _elsewhere(self) -> list[str]:
        """Other hosts on which processes are at work."""
        with self.db.begin() as conn:
            alive = [row.host for row in workers.listed(conn) if self._now() - row.seen_at < _ALIVE]
        return sorted(set(alive) - {socket.gethostname()})

    def verify_audit(self, name: str) -> list[str]:
        """What is wrong with the connection's audit chain; empty when it is whole."""
        row = self.connection(name)
        with self.db.begin() as conn:
            return audit.verify(conn, row.id)

    def ring(self, *, may_make: bool) -> KeyRing:
        """The keys that seal and open secrets; a missing file is made only with `may_make`. KeyTrouble otherwise."""
        return self.wiring.ring(may_make=may_make)

    def _runner(self, name: str, flows: Collection[str], errand: Errand | None = None) -> Runner:
        errand = errand or Errand(actor=self.actor)
        return self.wiring.runner(self.connection(name), flows, errand, self.progress)

    def _went_well(self, name: str) -> None:
        """Both sides have just served a run: whichever was not called for now is called again."""
        row = self.connection(name)
        with self.db.begin() as conn:
            shut = breakers.close(conn, row.id, self._now())
            audit.append(conn, row.id, [self._entry("breaker:close:done", side) for side in shut])

    def _mapper_for(self, conn: Connection, connection_id: int, asked: tuple[str, str, Collection[str]]) -> Mapper:
        what, which, of = asked
        if which == "then":
            version = replay.mapping_version_of(conn, connection_id, what, of)
            return Mapper(mapping_of(mappings.get(conn, connection_id, version).toml) if version else DEFAULT)
        latest = mappings.latest(conn, connection_id)
        return Mapper(mapping_of(latest.toml) if latest else DEFAULT)

    def _now(self) -> datetime:
        return self.clock()

    def _entry(self, tag: str, subject: str, details: Mapping[str, Any] | None = None) -> audit.AuditEntry:
        kind, told = tag.split(":", 1)[0], json_text(details or {})
        return audit.AuditEntry(at=self._now(), actor=self.actor, tag=tag, kind=kind, erp_id=subject, details=told)


def _refresh(secrets: Mapping[str, str]) -> str:
    """The refresh token among some secrets; empty when there is none."""
    kept = secrets.get(TOKEN_PAIR)
    return str(msgspec.json.decode(kept)["refresh"]) if kept else ""


def _plain(config: ConnectionConfig) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(config)
    return data
