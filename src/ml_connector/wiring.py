"""Puts the rooms together for one connection: opens both systems with their secrets, and a run with all it needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from zoneinfo import ZoneInfo

import msgspec
import tomlkit

from ml_connector.engine.killing import point_from
from ml_connector.engine.run import Runner
from ml_connector.engine.taping import RunTape
from ml_connector.engine.work import Errand, Work
from ml_connector.kernel.clock import Clock, system_clock
from ml_connector.kernel.errors import BadInput, NothingSuchHere
from ml_connector.planning.mapping import DEFAULT, CodeMapping, Mapper, mapping_from, mapping_to
from ml_connector.registry import ERP_SYSTEMS, FLOWS, PROJECTS_SYSTEMS
from ml_connector.settings import SECRET_FIELDS, TOKEN_PAIR, Settings, config_from, read_toml
from ml_connector.store import connections, mappings
from ml_connector.store.connections import ConnectionRow, SecretRow
from ml_connector.store.postgres import Database
from ml_connector.systems.ifs.system import IfsSystem
from ml_connector.systems.opening import Access, Opened
from ml_connector.systems.port import Progress
from ml_connector.systems.procore.system import ProcoreSystem
from ml_connector.systems.signing import TokenPair
from ml_connector.vault.keys import KeyRing, open_ring
from ml_connector.vault.sealing import Sealed, seal, unseal


class Sides:
    """Both systems of one connection, opened."""

    def __init__(self, erp: Opened[IfsSystem], projects: Opened[ProcoreSystem]) -> None:
        self.erp = erp
        self.projects = projects

    def requests(self) -> dict[str, dict[str, int]]:
        """Requests sent so far, by side, by read and write."""
        return {"erp": self.erp.requests(), "projects": self.projects.requests()}


class Wiring:
    """What it takes to open a connection; the only one, with the app, that opens the vault."""

    def __init__(self, settings: Settings, db: Database, clock: Clock) -> None:
        self.settings = settings
        self.db = db
        self.clock = clock

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
        sides = self.sides(row, tape)
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
            flows=chosen,
            go_live=config.connection.go_live,
            zone=ZoneInfo(config.connection.time_zone),
        )
        return Runner(work, sides.requests)

    def sides(self, row: ConnectionRow, tape: RunTape) -> Sides:
        """Both systems, opened; nothing is contacted yet."""
        config = config_from(row.config)
        secrets = self.secrets(row)
        kept = secrets.get(TOKEN_PAIR) if config.projects.grant == "refresh_token" else None
        pair = msgspec.json.decode(kept, type=TokenPair) if kept else None
        access = {
            part: Access(secrets[field], tape, system_clock, cap)
            for (part, field), cap in zip(
                SECRET_FIELDS.items(), (config.erp.in_flight, config.projects.in_flight), strict=True
            )
        }
        erp = msgspec.structs.asdict(config.erp)
        first = ERP_SYSTEMS[config.erp.system](erp, config.connection.erp_company, access["erp"])
        person = msgspec.structs.replace(access["projects"], pair=pair, keep=self._keeper(row) if pair else None)
        second = PROJECTS_SYSTEMS[config.projects.system](msgspec.structs.asdict(config.projects), person)
        return Sides(first, second)

    def ring(self, *, may_make: bool) -> KeyRing:
        """The keys that seal and open secrets; a missing file is made only with `may_make`. KeyTrouble otherwise."""
        return open_ring(self.settings.key_file, os.environ, may_make=may_make)

    def _keeper(self, row: ConnectionRow) -> Callable[[TokenPair], None]:
        """Seals and commits a new pair before anybody uses it: the old one is dead already."""

        def keep(pair: TokenPair) -> None:
            ring = self.ring(may_make=False)
            with self.db.begin() as conn:
                sealed = seal(ring, row.id, TOKEN_PAIR, msgspec.json.encode(pair).decode())
                connections.put_secrets(conn, [SecretRow(*sealed)])

        return keep

    def secrets(self, row: ConnectionRow) -> dict[str, str]:
        """The opened secrets of a connection, by field."""
        ring = self.ring(may_make=False)
        with self.db.begin() as conn:
            return {one.field: unseal(ring, Sealed(*one)) for one in connections.secrets_of(conn, row.id)}


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
