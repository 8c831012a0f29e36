"""Puts the rooms together for one connection: opens both systems with their secrets, and a run with all it needs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Generic
from zoneinfo import ZoneInfo

import msgspec
import tomlkit

from ml_connector.connection_file import (
    SECRET_FIELDS,
    TOKEN_PAIR,
    TOKENS,
    ConnectionConfig,
    config_from,
    read_toml,
    sealed_of,
)
from ml_connector.engine.binding import Bond, Face
from ml_connector.engine.killing import point_from
from ml_connector.engine.run import Runner
from ml_connector.engine.taping import Overheard, RunTape
from ml_connector.engine.work import Errand, Work
from ml_connector.kernel.clock import Clock, system_clock
from ml_connector.kernel.errors import BadInput, ConnectorError, KeyTrouble, NothingSuchHere
from ml_connector.planning.mapping import DEFAULT, CodeMapping, Mapper, mapping_from, mapping_to
from ml_connector.planning.policy import goes_alone
from ml_connector.registry import ERP_SYSTEMS, FLOWS, PROJECTS_SYSTEMS
from ml_connector.settings import Settings
from ml_connector.store import connections, counters, links, mappings, paces, placements, setups, tokens
from ml_connector.store.bulk import Transaction
from ml_connector.store.connections import ConnectionRow, SecretRow
from ml_connector.store.postgres import Database
from ml_connector.systems.ifs.system import IfsSystem
from ml_connector.systems.opening import Access, Opened
from ml_connector.systems.pacing import SCARCE, Budget, Pace
from ml_connector.systems.port import Progress
from ml_connector.systems.procore.system import ProcoreSystem
from ml_connector.systems.signing import KeptT, Shelved, TokenPair
from ml_connector.vault.keys import KeyRing, open_ring
from ml_connector.vault.sealing import Sealed, seal, unseal

UNHURRIED = frozenset({"schedule", "backfill", "nightly"})
"""Triggers of runs that leave the reserve of requests to people and webhooks."""


class Sides:
    """Both systems of one connection, opened."""

    def __init__(self, erp: Opened[IfsSystem], projects: Opened[ProcoreSystem]) -> None:
        self.erp = erp
        self.projects = projects

    def faces(self, *sides: str) -> list[Face]:
        """Each side as it is asked who it is; both when none is named."""
        found: dict[str, Opened[Any]] = {"erp": self.erp, "projects": self.projects}
        return [Face(one, found[one].seal, found[one].facts) for one in (sides or found)]

    def goes_on(self) -> datetime | None:
        """The moment from which both sides take requests again; None when they do now."""
        return max((at for one in (self.erp, self.projects) if (at := one.goes_on())), default=None)

    def done_at(self, requests: Mapping[str, int]) -> datetime | None:
        """When so many more requests of each side will have been sent; None when no limit known delays them."""
        found: dict[str, Opened[Any]] = {"erp": self.erp, "projects": self.projects}
        known = [found[side].done_at(number) for side, number in requests.items() if number]
        return max((at for at in known if at), default=None)

    def put_down(self) -> None:
        """Leaves for other processes how fast either side may be called."""
        self.erp.put_down()
        self.projects.put_down()

    def requests(self) -> dict[str, dict[str, int]]:
        """Requests sent so far, by side, by read and write."""
        return {"erp": self.erp.requests(), "projects": self.projects.requests()}


class Wiring:
    """What it takes to open a connection; the only one, with the app, that opens the vault."""

    def __init__(self, settings: Settings, db: Database, clock: Clock) -> None:
        self.settings = settings
        self.db = db
        self.clock = clock
        self.overhearing: Callable[[str], Overheard | None] = lambda _connection: None
        """Asked at each opening of a connection for whoever shall hear of its exchanges; service/serving.py sets it."""

    def runner(self, row: ConnectionRow, flows: Collection[str], errand: Errand, progress: Progress) -> Runner:
        """A run of some flows (all when none is named), ready to begin; NothingSuchHere for a flow unknown here."""
        config = config_from(row.config)
        chosen = tuple(flow for flow in FLOWS if not flows or flow in flows)
        unknown = set(flows) - set(FLOWS)
        if unknown:
            raise NothingSuchHere(f"There is no flow {sorted(unknown)[0]!r}.", remedy=f"Flows: {', '.join(FLOWS)}.")
        with self.db.begin() as conn:
            version = mappings.latest(conn, row.id)
        tape = RunTape()
        sides = self.sides(row, tape, urgent=errand.trigger not in UNHURRIED)
        bond = Bond(self.db, row.id, row.name, errand.actor, self.clock)
        work = Work(
            db=self.db,
            connection_id=row.id,
            name=row.name,
            company=config.connection.erp_company,
            erp=sides.erp.system,
            projects=sides.projects.system,
            policies=config.policy,
            mapper=Mapper(mapping_of(version.toml) if version else DEFAULT),
            mapping_version=version.version if version else 0,
            clock=self.clock,
            tape=tape,
            errand=errand,
            point=point_from(self.settings.kill_at),
            progress=progress,
            in_flight=config.projects.in_flight,
            graces={"erp": config.erp.grace, "projects": config.projects.grace},
            flows=chosen,
            go_live=config.connection.go_live,
            zone=ZoneInfo(config.connection.time_zone),
            current=lambda: self._stands(row, version.version if version else 0),
            known=lambda: bond.hold(*sides.faces()),
            goes_on=sides.goes_on,
            done_at=sides.done_at,
        )

        def requests() -> dict[str, dict[str, int]]:
            sides.put_down()
            return sides.requests()

        return Runner(work, requests)

    def _stands(self, row: ConnectionRow, mapping_version: int) -> bool:
        """Whether a connection and its mapping are still as they were read."""
        with self.db.begin() as conn:
            latest = mappings.latest(conn, row.id)
            return connections.get(conn, row.name) == row and (latest.version if latest else 0) == mapping_version

    def sides(self, row: ConnectionRow, tape: RunTape, *, urgent: bool = True, fresh: bool = False) -> Sides:
        """Both systems, opened; nothing is contacted yet.

        `urgent`: for a person or a webhook, who may use the requests that are kept for them. `fresh`: service accounts
        sign in anew, whatever token they have.
        """
        tape.overheard = self.overhearing(row.name)
        config = config_from(row.config)
        secrets = self.secrets(row)
        budget = Budget(config.projects.reserve / 100, urgent)
        access = {
            part: Access(
                secrets[field],
                tape,
                system_clock,
                cap,
                grace=grace,
                shelf=_Shelf(self, (row.id, part, TOKENS[part]), Shelved, blank=fresh),
                book=_PaceBook(self.db, row.id, part),
                budget=budget,
                leaving=lambda: tape.leaving(),
            )
            for (part, field), cap, grace in zip(
                SECRET_FIELDS.items(),
                (config.erp.in_flight, config.projects.in_flight),
                (config.erp.grace, config.projects.grace),
                strict=True,
            )
        }
        pair = None
        if config.projects.grant == "refresh_token" and TOKEN_PAIR in secrets:
            pair = _Shelf(self, (row.id, "projects", TOKEN_PAIR), TokenPair)
        erp = msgspec.structs.asdict(config.erp)
        first = ERP_SYSTEMS[config.erp.system](erp, config.connection.erp_company, access["erp"])
        person = msgspec.structs.replace(access["projects"], pair=pair)
        second = PROJECTS_SYSTEMS[config.projects.system](msgspec.structs.asdict(config.projects), person)
        return Sides(first, second)

    @contextmanager
    def asking(self, row: ConnectionRow, *, fresh: bool = False) -> Iterator[Sides]:
        """Both systems, opened for what is no run; the requests each has had are counted when the block ends."""
        sides = self.sides(row, RunTape(), fresh=fresh)
        try:
            yield sides
        finally:
            self.count(row.id, sides.requests())

    def count(self, connection_id: int, used: Mapping[str, Mapping[str, int]]) -> None:
        """Adds to the requests that were sent; `used` is side to kind to how many. Nothing fails for it."""
        with suppress(ConnectorError), self.db.begin() as conn:
            counters.bump(conn, connection_id, counters.sent(used))

    def pair_state(self, connection_id: int) -> str:
        """How a person's authorization stands: dead, sent while a refresh is under way, else empty."""
        kept = _Shelf(self, (connection_id, "projects", TOKEN_PAIR), TokenPair).look()
        return kept.state if kept else ""

    def ring(self, *, may_make: bool) -> KeyRing:
        """The keys that seal and open secrets; a missing file is made only with `may_make`. KeyTrouble otherwise."""
        return open_ring(self.settings.key_file, os.environ, may_make=may_make)

    def secrets(self, row: ConnectionRow, *, besides: Collection[str] = ()) -> dict[str, str]:
        """The opened secrets of a connection, by field, but those of some sides (`besides`); tokens of service
        accounts, which anybody can get, left out."""
        ring = self.ring(may_make=False)
        with self.db.begin() as conn:
            out = {*TOKENS.values(), *(field for part in besides for field in sealed_of(part))}
            rows = [one for one in connections.secrets_of(conn, row.id) if one.field not in out]
        return {one.field: unseal(ring, Sealed(*one)) for one in rows}

    def seal_draft(self, setup: int, field: str, secret: str) -> SecretRow:
        """A secret of a half whose connection is not there yet, sealed for that set-up only."""
        with self.db.begin() as conn:
            ring = self.ring(may_make=not connections.has_secrets(conn))
        return SecretRow(*seal(ring, -setup, field, secret))

    def draft_secrets(self, setup: int) -> dict[str, str]:
        """The opened secrets of a set-up that is no connection yet, by field."""
        with self.db.begin() as conn:
            rows = setups.secrets_of(conn, setup)
        ring = self.ring(may_make=not rows)
        return {row.field: unseal(ring, Sealed(*row)) for row in rows}

    def half(self, side: str, part: Mapping[str, Any], secret: str, company: str = "") -> Opened[Any]:
        """One side opened from its part of a connection file alone, for whoever asks before there is a connection."""
        tape = RunTape()
        access = Access(secret, tape, system_clock, 2, leaving=tape.leaving)
        if side == "erp":
            return ERP_SYSTEMS["ifs"](part, company, access)
        return PROJECTS_SYSTEMS["procore"](part, access)

    def probe(self, row: ConnectionRow, side: str, actor: str) -> None:
        """Signs in to one side anew and asks who it is; raises what is wrong with it."""
        with self.asking(row, fresh=True) as sides:
            Bond(self.db, row.id, row.name, actor, self.clock).hold(*sides.faces(side), anew=True)

    def tie(self, row: ConnectionRow, sides: Sides, actor: str) -> None:
        """Compares both sides with what the connection is tied to, and ties it at first. Raises EnvironmentChanged."""
        Bond(self.db, row.id, row.name, actor, self.clock).hold(*sides.faces(), anew=True)

    def rebind(self, row: ConnectionRow, actor: str) -> dict[str, dict[str, str]]:
        """Ties a connection to what answers now; what that is, by side."""
        with self.asking(row) as sides:
            return Bond(self.db, row.id, row.name, actor, self.clock).renew(*sides.faces())


class _Shelf(Generic[KeptT]):
    """A token of one side, sealed in the store, where all processes of the connection find it."""

    def __init__(self, wiring: Wiring, place: tuple[int, str, str], kind: type[KeptT], *, blank: bool = False) -> None:
        """`place`: the connection, the side, the field. A `blank` one shows nothing, but keeps what it is given."""
        self._wiring = wiring
        self._connection, self._side, self._field = place
        self._decoder = msgspec.json.Decoder(kind)
        self._blank = blank

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process signs in for this side meanwhile; should this one die, the database lets the next one."""
        with self._wiring.db.begin() as conn:
            tokens.alone(conn, self._connection, self._side)
            yield

    def look(self) -> KeptT | None:
        """What is kept; None when there is nothing that can be opened."""
        if self._blank:
            return None
        with self._wiring.db.begin() as conn:
            row = connections.secret_of(conn, self._connection, self._field)
        try:
            return self._decoder.decode(unseal(self._wiring.ring(may_make=False), Sealed(*row))) if row else None
        except (KeyTrouble, msgspec.DecodeError):  # sealed while the keys were rotated, or by another release
            if self._field in TOKENS.values():
                return None
            raise

    def put(self, token: KeptT, /) -> None:
        """Seals and commits it. The key is read once the row is ours: rotating keys seals every row it finds anew."""
        with self._wiring.db.begin() as conn:
            connections.secret_of(conn, self._connection, self._field, ours=True)
            ring = self._wiring.ring(may_make=False)
            sealed = seal(ring, self._connection, self._field, msgspec.json.encode(token).decode())
            connections.put_secrets(conn, [SecretRow(*sealed)])


class _PaceBook:
    """What all processes of a connection know of one side's windows, in the store."""

    def __init__(self, db: Database, connection_id: int, side: str) -> None:
        self._db = db
        self._connection, self._side = connection_id, side

    def trade(self, learned: Sequence[Pace], draw: int, budget: Budget) -> tuple[list[Pace], int]:
        """Keeps what was learned, draws, and answers what everybody knows and how much was got."""
        now = time.time()
        with self._db.begin() as conn:
            paces.learn(conn, self._connection, self._side, [msgspec.structs.astuple(one) for one in learned])
            got = 0
            if draw:
                reserve = 0.0 if budget.urgent else budget.reserve
                got = paces.draw(conn, self._connection, self._side, paces.Draw(draw, reserve, SCARCE, now))
            return [Pace(*row[2:]) for row in paces.of(conn, self._connection, self._side, now)], got


def mapping_text(mapping: CodeMapping) -> str:
    """A mapping as a person reads and edits it, in TOML."""
    return tomlkit.dumps({"mapping": mapping_to(mapping)})


def mapping_of(text: str) -> CodeMapping:
    """The mapping in a TOML text; BadInput says what is off."""
    data = read_toml(text, "The mapping")
    inner = data.get("mapping")
    if not isinstance(inner, dict) or set(data) != {"mapping"}:
        raise BadInput("The mapping must stand under [mapping.cost_code] and [mapping.cost_type], and nothing else.")
    return mapping_from(inner)


def check_chosen_once(conn: Transaction, row: ConnectionRow, config: ConnectionConfig) -> None:
    """BadInput where a connection's new settings change what is chosen once: links belong to one IFS company and one
    Procore company, invoices to one strategy. And where plans are to go by themselves before one was approved."""
    before = config_from(row.config)
    old, new = before.policy.supplier_invoices.strategy, config.policy.supplier_invoices.strategy
    same = (before.connection.erp_company, before.projects.company_id) == (
        config.connection.erp_company,
        config.projects.company_id,
    )
    if config.policy != before.policy and goes_alone(config.policy):
        setups.check_approved(conn, row.id)
    if not same and links.count_links(conn, row.id):
        raise BadInput(
            f"Connection {row.name} has links between its two companies, so neither company can be changed.",
            remedy="Add a new connection for the other pair of companies.",
        )
    if old != new and placements.any_placed(conn, row.id):
        raise BadInput(
            f"Connection {row.name} has invoices in Procore by strategy {old}, which is chosen once.",
            remedy="Add another connection for what is to go by the other strategy.",
        )
