"""Every table, its columns and who writes each of them; migrations are tested to arrive at exactly this."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)
"""All tables of the product; no other module declares one."""


def _number(name: str, comment: str) -> Column[int]:
    """An id the database gives."""
    return Column(name, BigInteger, Identity(), primary_key=True, comment=comment)


def _owner(*, key: bool = False, hot: bool = False) -> Column[int]:
    """The connection a row belongs to; the row goes when the connection goes.

    A `hot` table is written by the ten thousand and has no foreign key, whose check costs as much as the row itself;
    `connections.remove` empties those by name.
    """
    return Column(
        "connection_id",
        BigInteger,
        *(() if hot else (ForeignKey("connections.id", ondelete="CASCADE"),)),
        primary_key=key,
        nullable=False,
        autoincrement=False,
        comment="store: the connection this row belongs to",
    )


def _text(name: str, comment: str, *, key: bool = False) -> Column[str]:
    """A text that is never null; empty when there is nothing to say."""
    default = None if key else text("''")
    return Column(name, Text, primary_key=key, nullable=False, server_default=default, comment=comment)


def _words(name: str, default: str, words: str, comment: str) -> list[Any]:
    """A text column that holds one of a few words, and the check that says so."""
    allowed = ", ".join(f"'{word}'" for word in words.split())
    return [
        Column(name, Text, nullable=False, server_default=text(f"'{default}'"), comment=comment),
        CheckConstraint(f"{name} IN ({allowed})", name=name),
    ]


def _moment(name: str, comment: str, *, now: bool = False) -> Column[Any]:
    """A moment with its zone; filled by the database when `now`, else null until it happens."""
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), nullable=not now, server_default=default, comment=comment)


def _json(name: str, comment: str) -> Column[Any]:
    """A JSON object, empty by default."""
    return Column(name, JSONB, nullable=False, server_default=text("'{}'::jsonb"), comment=comment)


connections = Table(
    "connections",
    METADATA,
    _number("id", "store: given once, never used again"),
    Column("name", Text, nullable=False, unique=True, comment="administrator: what commands call it"),
    _text("title", "administrator: what people call it"),
    _json("config", "administrator: settings, policies and schedule; never a secret"),
    _moment("created_at", "store: when it was added", now=True),
    _moment("updated_at", "store: when its settings last changed", now=True),
)

secrets = Table(
    "secrets",
    METADATA,
    _owner(key=True),
    _text("field", "vault: which secret, such as erp_client_secret", key=True),
    Column("nonce", LargeBinary, nullable=False, comment="vault: 12 bytes, new for each sealing"),
    Column("sealed", LargeBinary, nullable=False, comment="vault: AES-256-GCM, bound to connection and field"),
    _text("key_id", "vault: which key opens it"),
    _moment("sealed_at", "store: when it was sealed", now=True),
)

mapping_versions = Table(
    "mapping_versions",
    METADATA,
    _owner(key=True),
    Column("version", Integer, primary_key=True, autoincrement=False, comment="store: 1, 2, 3 for each connection"),
    _text("toml", "cost engineer: the mapping as it was imported"),
    Column("hash", LargeBinary, nullable=False, comment="store: SHA-256 of the text"),
    _text("actor", "store: who imported it"),
    _moment("created_at", "store: when it was imported", now=True),
)

links = Table(
    "links",
    METADATA,
    _owner(key=True, hot=True),
    _text("kind", "engine: record kind, such as vendor", key=True),
    _text("erp_id", "engine: its id in the system that bore it: the erp, but for what comes back", key=True),
    _text("target_id", "other side: the record's id there"),
    _text("scope", "engine: the erp project it happens in; empty when company-wide"),
    _text("once_key", "engine: the key our create carried"),
    *_words("state", "linked", "linked proposed rejected", "engine or person: what was decided about the pair"),
    _text("evidence", "engine: why the two are one thing"),
    _text("decided_by", "engine or person: who decided"),
    _text("stamp", "projects: its last-changed mark after our last write"),
    Column("base", LargeBinary, comment="engine: the record as both sides last agreed on it, packed"),
    _moment("at", "store: when the row last changed", now=True),
    Index(None, "connection_id", "kind", "target_id"),
    postgresql_with={"toast_tuple_target": "8160"},
)

runs = Table(
    "runs",
    METADATA,
    _number("id", "store: given in the order the runs began"),
    _owner(),
    Column("flows", ARRAY(Text), nullable=False, comment="engine: the flows that took part"),
    _text("trigger", "engine: schedule, person, webhook or replay"),
    _text("actor", "engine: who started it"),
    Column("mapping_version", Integer, nullable=False, server_default=text("0"), comment="engine: the mapping used"),
    _moment("started_at", "store: when it began", now=True),
    _moment("finished_at", "store: when it ended; null while it runs or after a crash"),
    *_words("state", "running", "running done stopped failed", "engine: how it stands"),
    _text("plan_hash", "engine: the plan it kept or applied"),
    _json("counts", "engine: what happened to how many"),
    _json("requests", "engine: how many requests went to each side"),
    _text("error", "engine: the sentence it failed with"),
    Index(None, "connection_id", "id"),
)

plans = Table(
    "plans",
    METADATA,
    _owner(key=True),
    _text("hash", "engine: the plan's name, from the digests of its intents", key=True),
    Column("run_id", BigInteger, nullable=False, comment="engine: the run that made it last"),
    _moment("made_at", "store: when it was last made", now=True),
    _text("approved_by", "person: who approved it"),
    _moment("approved_at", "store: when it was approved"),
    *_words("state", "kept", "kept approved applied superseded", "engine: how it stands"),
    _json("summary", "engine: counts, money and holds as they were shown"),
)

intents = Table(
    "intents",
    METADATA,
    _number("id", "store: given in the order of the plan"),
    _owner(hot=True),
    Column("run_id", BigInteger, nullable=False, comment="engine: the run that decided it"),
    _text("flow", "engine: which flow decided it"),
    _text("verb", "engine: what it does"),
    _text("kind", "engine: record kind"),
    _text("erp_id", "erp: the record it is about"),
    _text("once_key", "engine: made before the send, reused on every retry"),
    _text("scope", "engine: the erp project it happens in"),
    _text("target", "projects: the other side's id as known when planned"),
    Column("body", LargeBinary, nullable=False, comment="engine: the canonical record, packed"),
    _text("needs", "engine: links that must exist first, JSON pairs of kind and id"),
    _text("after", "engine: verbs that must be done first, JSON"),
    Column("amount", Numeric, comment="engine: money at stake, in currency; null when none"),
    _text("currency", "engine: ISO 4217 code of the amount"),
    _text("reason", "engine: why, in accounting words"),
    _text("source", "erp: the document a person would look up"),
    _text("counts_as", "engine: created, updated or linked, on the one intent of a record that counts"),
    Column(
        "base",
        LargeBinary,
        nullable=False,
        server_default=text("''::bytea"),
        comment="engine: on a record's last intent, the whole record as agreed once it is done, packed; else empty",
    ),
    Column("digest", LargeBinary, nullable=False, comment="engine: equal digests are the same effect"),
    Index(None, "run_id", "kind", "verb", "scope", "id"),
    Index(None, "connection_id", "source"),
    postgresql_with={"toast_tuple_target": "8160"},
)

intent_states = Table(
    "intent_states",
    METADATA,
    Column(
        "id",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="store: the intent; kept apart so that settling never rewrites its body",
    ),
    Column("connection_id", BigInteger, nullable=False, comment="store: the intent's connection"),
    *_words(
        "state",
        "planned",
        "planned sending done refused unknown waiting superseded",
        "engine: how it stands",
    ),
    _text("target", "projects: the other side's id after it was done"),
    _text("result", "projects: what the other side said"),
    _text("reference", "projects: the other side's request id"),
    Column("attempt", Integer, nullable=False, server_default=text("0"), comment="engine: how often it was sent"),
    _moment("sent_at", "store: when it was last sent"),
    _moment("settled_at", "store: when its outcome was written down"),
    Index(
        "intent_states_open_idx",
        "connection_id",
        postgresql_where=text("state IN ('planned', 'sending', 'unknown', 'waiting')"),
    ),
)

holds = Table(
    "holds",
    METADATA,
    _number("id", "store: given once"),
    _owner(),
    _text("flow", "engine: which flow holds it"),
    _text("source", "erp: the document that was looked at when it was found"),
    _text("kind", "engine: kind of the record held"),
    _text("erp_id", "erp: id of the record held"),
    _text("reason", "engine: from the closed list"),
    _text("waits_kind", "engine: kind of the thing whose appearance releases it"),
    _text("waits_id", "engine: id of the thing whose appearance releases it"),
    _text("owner", "engine: the role that can make it appear"),
    _text("sentence", "engine: in accounting words"),
    Column("amount", Numeric, comment="engine: money at stake, in currency; null when none"),
    _text("currency", "engine: ISO 4217 code of the amount"),
    Column("candidates", ARRAY(Text), nullable=False, comment="engine: ids a ruling may choose from"),
    _text("evidence", "engine: why the candidates were found, or what the other side said"),
    _moment("since", "store: when it was first held; kept while it stays held", now=True),
    Column("last_seen_run", BigInteger, nullable=False, comment="engine: the last run that still found it"),
    _moment("released_at", "store: when it went"),
    _text("released_by", "engine or person: what or who released it"),
    Index(
        "holds_open_key",
        "connection_id",
        "source",
        "flow",
        "kind",
        "erp_id",
        "reason",
        "waits_kind",
        "waits_id",
        unique=True,
        postgresql_where=text("released_at IS NULL"),
    ),
)

rulings = Table(
    "rulings",
    METADATA,
    _owner(key=True),
    _text("kind", "person: kind of the record ruled on", key=True),
    _text("erp_id", "person: id of the record ruled on", key=True),
    _text("reason", "person: the hold's reason it answers", key=True),
    _text("answer", "person: what was decided"),
    _text("target", "person: the id chosen, when one was"),
    _text("actor", "store: who decided"),
    _text("note", "person: why, in their words"),
    _moment("at", "store: when it was decided", now=True),
)

placements = Table(
    "placements",
    METADATA,
    _owner(key=True, hot=True),
    _text("invoice", "erp: the supplier invoice", key=True),
    _text("line", "erp: its line; the key makes it impossible for a line to be in two places", key=True),
    _text("kind", "engine: kind of the one record in the projects system that has it"),
    _text("record", "engine: that record's key, without the suffix of its corrections"),
    _moment("at", "store: when the place was claimed, before anything was sent", now=True),
    Index(None, "connection_id", "kind", "record"),
)

source_rows = Table(
    "source_rows",
    METADATA,
    _owner(key=True, hot=True),
    _text("kind", "engine: what it is, such as order", key=True),
    _text("erp_id", "erp: its id", key=True),
    Column("fingerprint", LargeBinary, nullable=False, comment="engine: 16 bytes that change when the row changes"),
    Column("mapping_version", Integer, nullable=False, comment="engine: the mapping it was decided with"),
    Column("run_id", BigInteger, nullable=False, comment="engine: the run that last decided it"),
    Column("open", Boolean, nullable=False, server_default=text("true"), comment="engine: still seen in the erp"),
)

watermarks = Table(
    "watermarks",
    METADATA,
    _owner(key=True),
    _text("name", "engine: which reading it belongs to", key=True),
    _text("value", "engine: where that reading stands"),
    _moment("at", "store: when it last moved", now=True),
)

audit = Table(
    "audit",
    METADATA,
    Column(
        "connection_id",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="store: the connection, 0 for the installation; outlives it, so no foreign key",
    ),
    Column("seq", BigInteger, primary_key=True, autoincrement=False, comment="store: 1, 2, 3 without a gap"),
    Column("at", DateTime(timezone=True), nullable=False, comment="engine: when it happened"),
    _text("actor", "engine: who did it"),
    _text("tag", "engine: subject:action:result, from the closed list"),
    _text("kind", "engine: record kind, or empty"),
    _text("erp_id", "erp: record id, or empty"),
    Column("run_id", BigInteger, nullable=False, server_default=text("0"), comment="engine: the run, 0 for none"),
    _text("details", "engine: canonical JSON"),
    Column("prev_hash", LargeBinary, nullable=False, comment="store: hash of the row before"),
    Column("hash", LargeBinary, nullable=False, comment="store: SHA-256 over the row and prev_hash"),
    Index(None, "connection_id", "erp_id", postgresql_where=text("erp_id <> ''")),
)

audit_heads = Table(
    "audit_heads",
    METADATA,
    Column("connection_id", BigInteger, primary_key=True, autoincrement=False, comment="store: as in audit"),
    Column("seq", BigInteger, nullable=False, comment="store: number of the last row; also the lock of the chain"),
    Column("hash", LargeBinary, nullable=False, comment="store: hash of the last row"),
)

evidence = Table(
    "evidence",
    METADATA,
    Column("hash", LargeBinary, primary_key=True, comment="store: SHA-256 of the plain body"),
    Column("size", Integer, nullable=False, comment="store: bytes of the plain body"),
    Column("body", LargeBinary, nullable=False, comment="systems: redacted body, compressed with zstd"),
    _moment("at", "store: when it was first kept", now=True),
    postgresql_with={"toast_tuple_target": "8160"},
)

exchanges = Table(
    "exchanges",
    METADATA,
    _number("id", "store: given in the order they were written down"),
    _owner(hot=True),
    Column("run_id", BigInteger, nullable=False, comment="engine: the run it belongs to"),
    _text("side", "systems: erp or projects"),
    _text("method", "systems: HTTP method"),
    _text("path", "systems: path and query, redacted"),
    Column("status", Integer, nullable=False, comment="systems: HTTP status; 0 when no answer came"),
    Column("request_hash", LargeBinary, comment="store: evidence of the request body; null when empty"),
    Column("reply_hash", LargeBinary, comment="store: evidence of the reply body; null when empty"),
    _text("request_id", "systems: the other side's name for the request"),
    Column("milliseconds", Integer, nullable=False, comment="systems: how long the answer took"),
    Column("write", Boolean, nullable=False, comment="systems: whether it was meant to change something"),
    _moment("at", "store: when it happened", now=True),
    Column("intent_ids", ARRAY(BigInteger), nullable=False, comment="engine: the intents it carried"),
    Index(None, "run_id", "id"),
)

EXTERNAL_COLUMNS = (("intents", "body"), ("intents", "base"), ("links", "base"), ("evidence", "body"))
"""Bytes PostgreSQL must not try to compress: zstd has done it already, or the time is worth more than the disk."""

AFTER_TABLES = (
    *(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL" for table, column in EXTERNAL_COLUMNS),
    "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'audit rows are never changed or removed'; END $$",
    "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()",
)
"""What SQLAlchemy has no word for, run after the tables are made."""
