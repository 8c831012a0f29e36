"""Every table of the books, its columns and who writes each; schema_service.py has those of the unattended
service, schema_console.py those of the people who use it.

Migrations are tested to arrive at exactly this.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    Text,
    text,
)

from ml_connector.store import schema_console, schema_service
from ml_connector.store.columns import METADATA, form, moment, number, one_of, owner, word

__all__ = ["AFTER_TABLES", "EXTERNAL_COLUMNS", "METADATA", "schema_console", "schema_service"]

connections = Table(
    "connections",
    METADATA,
    number("id", "store: given once, never used again"),
    Column("name", Text, nullable=False, unique=True, comment="administrator: what commands call it"),
    word("title", "administrator: what people call it"),
    form("config", "administrator: settings, policies and schedule; never a secret"),
    moment("created_at", "store: when it was added", now=True),
    moment("updated_at", "store: when its settings last changed", now=True),
)

secrets = Table(
    "secrets",
    METADATA,
    owner(key=True),
    word("field", "vault: which secret, such as erp_client_secret", key=True),
    Column("nonce", LargeBinary, nullable=False, comment="vault: 12 bytes, new for each sealing"),
    Column("sealed", LargeBinary, nullable=False, comment="vault: AES-256-GCM, bound to connection and field"),
    word("key_id", "vault: which key opens it"),
    moment("sealed_at", "store: when it was sealed", now=True),
)

mapping_versions = Table(
    "mapping_versions",
    METADATA,
    owner(key=True),
    Column("version", Integer, primary_key=True, autoincrement=False, comment="store: 1, 2, 3 for each connection"),
    word("toml", "cost engineer: the mapping as it was imported"),
    Column("hash", LargeBinary, nullable=False, comment="store: SHA-256 of the text"),
    word("actor", "store: who imported it"),
    moment("created_at", "store: when it was imported", now=True),
)

links = Table(
    "links",
    METADATA,
    owner(key=True, hot=True),
    word("kind", "engine: record kind, such as vendor", key=True),
    word("erp_id", "engine: its id in the system that bore it: the erp, but for what comes back", key=True),
    word("target_id", "other side: the record's id there"),
    word("scope", "engine: the erp project it happens in; empty when company-wide"),
    word("once_key", "engine: the key our create carried"),
    *one_of("state", "linked", "linked proposed rejected", "engine or person: what was decided about the pair"),
    word("evidence", "engine: why the two are one thing"),
    word("decided_by", "engine or person: who decided"),
    word("stamp", "projects: its last-changed mark after our last write"),
    Column("base", LargeBinary, comment="engine: the record as both sides last agreed on it, packed"),
    moment("at", "store: when the row last changed", now=True),
    Column(
        "ended",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="engine: whether its end was seen, after which it is followed no more",
    ),
    Index(None, "connection_id", "kind", "target_id"),
    Index(
        "links_followed_idx",
        "connection_id",
        "kind",
        postgresql_where=text("NOT ended AND kind IN ('voucher', 'erp_invoice', 'purchase_requisition')"),
    ),
    postgresql_with={"toast_tuple_target": "8160"},
)

runs = Table(
    "runs",
    METADATA,
    number("id", "store: given in the order the runs began"),
    owner(),
    Column("flows", ARRAY(Text), nullable=False, comment="engine: the flows that took part"),
    word("trigger", "engine: schedule, person, webhook or replay"),
    word("actor", "engine: who started it"),
    Column("mapping_version", Integer, nullable=False, server_default=text("0"), comment="engine: the mapping used"),
    moment("started_at", "store: when it began", now=True),
    moment("finished_at", "store: when it ended; null while it runs or after a crash"),
    *one_of("state", "running", "running done stopped failed", "engine: how it stands"),
    word("plan_hash", "engine: the plan it kept or applied"),
    form("counts", "engine: what happened to how many"),
    form("requests", "engine: how many requests went to each side"),
    word("error", "engine: the sentence it failed with"),
    Index(None, "connection_id", "id"),
)

plans = Table(
    "plans",
    METADATA,
    owner(key=True),
    word("hash", "engine: the plan's name, from the digests of its intents", key=True),
    Column("run_id", BigInteger, nullable=False, comment="engine: the run that made it last"),
    moment("made_at", "store: when it was last made", now=True),
    word("approved_by", "person: who approved it"),
    moment("approved_at", "store: when it was approved"),
    *one_of("state", "kept", "kept approved partly applied superseded", "engine: how it stands"),
    form("summary", "engine: counts, money and holds as they were shown"),
    word("asked_by", "person: who asked for it; empty when nobody did, but a schedule or an event"),
    form("parts", "engine: what it does in each project, as it was shown"),
    form("outcome", "engine: what became of its steps by the end of the last run that sent some"),
    Column(
        "first_run_id",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="engine: the run that made it first, since it was last applied or replaced; 0 where that is not known",
    ),
    moment("first_at", "store: when that run made it"),
    Index(None, "connection_id", "made_at"),
)

intents = Table(
    "intents",
    METADATA,
    number("id", "store: given in the order of the plan"),
    owner(hot=True),
    Column("run_id", BigInteger, nullable=False, comment="engine: the run that decided it"),
    word("flow", "engine: which flow decided it"),
    word("verb", "engine: what it does"),
    word("kind", "engine: record kind"),
    word("erp_id", "erp: the record it is about"),
    word("once_key", "engine: made before the send, reused on every retry"),
    word("scope", "engine: the erp project it happens in"),
    word("target", "projects: the other side's id as known when planned"),
    Column("body", LargeBinary, nullable=False, comment="engine: the canonical record, packed"),
    word("needs", "engine: links that must exist first, JSON pairs of kind and id"),
    word("after", "engine: verbs that must be done first, JSON"),
    Column("amount", Numeric, comment="engine: money at stake, in currency; null when none"),
    word("currency", "engine: ISO 4217 code of the amount"),
    word("reason", "engine: why, in accounting words"),
    word("source", "erp: the document a person would look up"),
    word("counts_as", "engine: created, updated or linked, on the one intent of a record that counts"),
    Column(
        "base",
        LargeBinary,
        nullable=False,
        server_default=text("''::bytea"),
        comment="engine: on a record's last intent, the whole record as agreed once it is done, packed; else empty",
    ),
    Column("digest", LargeBinary, nullable=False, comment="engine: equal digests are the same effect"),
    Column("moved", Numeric, comment="engine: what of the amount counts against limits; null when none"),
    word("former", "engine: what the lines it writes over stand at, JSON pairs of code and amount; empty when none"),
    Index(None, "run_id", "kind", "verb", "scope", "id"),
    Index(None, "connection_id", "source"),
    postgresql_with={"toast_tuple_target": "8160", "autovacuum_vacuum_scale_factor": "0.02"},
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
    *one_of(
        "state",
        "planned",
        "planned sending done refused unknown waiting superseded",
        "engine: how it stands",
    ),
    word("target", "projects: the other side's id after it was done"),
    word("result", "projects: what the other side said"),
    word("reference", "projects: the other side's request id"),
    Column("attempt", Integer, nullable=False, server_default=text("0"), comment="engine: how often it was sent"),
    moment("sent_at", "store: when it was last sent"),
    moment("settled_at", "store: when its outcome was written down"),
    Index(
        "intent_states_open_idx",
        "connection_id",
        postgresql_where=text("state IN ('planned', 'sending', 'unknown', 'waiting')"),
    ),
)

holds = Table(
    "holds",
    METADATA,
    number("id", "store: given once"),
    owner(),
    word("flow", "engine: which flow holds it"),
    word("source", "erp: the document that was looked at when it was found"),
    word("kind", "engine: kind of the record held"),
    word("erp_id", "erp: id of the record held"),
    word("reason", "engine: from the closed list"),
    word("waits_kind", "engine: kind of the thing whose appearance releases it"),
    word("waits_id", "engine: id of the thing whose appearance releases it"),
    word("owner", "engine: the role that can make it appear"),
    word("sentence", "engine: in accounting words"),
    Column("amount", Numeric, comment="engine: money at stake, in currency; null when none"),
    word("currency", "engine: ISO 4217 code of the amount"),
    Column("candidates", ARRAY(Text), nullable=False, comment="engine: ids a ruling may choose from"),
    word("evidence", "engine: why the candidates were found, or what the other side said"),
    moment("since", "store: when it was first held; kept while it stays held", now=True),
    Column("last_seen_run", BigInteger, nullable=False, comment="engine: the last run that still found it"),
    moment("released_at", "store: when it went"),
    word("released_by", "engine or person: what or who released it"),
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
    Index(None, "connection_id", "source"),
)

rulings = Table(
    "rulings",
    METADATA,
    owner(key=True),
    word("kind", "person: kind of the record ruled on", key=True),
    word("erp_id", "person: id of the record ruled on", key=True),
    word("reason", "person: the hold's reason it answers", key=True),
    word("answer", "person: what was decided"),
    word("target", "person: the id chosen, when one was"),
    word("actor", "store: who decided"),
    word("note", "person: why, in their words"),
    moment("at", "store: when it was decided", now=True),
)

placements = Table(
    "placements",
    METADATA,
    owner(key=True, hot=True),
    word("invoice", "erp: the supplier invoice", key=True),
    word("line", "erp: its line; the key makes it impossible for a line to be in two places", key=True),
    word("kind", "engine: kind of the one record in the projects system that has it"),
    word("record", "engine: that record's key, without the suffix of its corrections"),
    moment("at", "store: when the place was claimed, before anything was sent", now=True),
    Index(None, "connection_id", "kind", "record"),
)

source_rows = Table(
    "source_rows",
    METADATA,
    owner(key=True, hot=True),
    word("kind", "engine: what it is, such as order", key=True),
    word("erp_id", "erp: its id", key=True),
    Column("fingerprint", LargeBinary, nullable=False, comment="engine: 16 bytes that change when the row changes"),
    Column("mapping_version", Integer, nullable=False, comment="engine: the mapping it was decided with"),
    Column("run_id", BigInteger, nullable=False, comment="engine: the run that last decided it"),
    Column("open", Boolean, nullable=False, server_default=text("true"), comment="engine: still seen in the erp"),
)

watermarks = Table(
    "watermarks",
    METADATA,
    owner(key=True),
    word("name", "engine: which reading it belongs to", key=True),
    word("value", "engine: where that reading stands"),
    moment("at", "store: when it last moved", now=True),
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
    word("actor", "engine: who did it"),
    word("tag", "engine: subject:action:result, from the closed list"),
    word("kind", "engine: record kind, or empty"),
    word("erp_id", "erp: record id, or empty"),
    Column("run_id", BigInteger, nullable=False, server_default=text("0"), comment="engine: the run, 0 for none"),
    word("details", "engine: canonical JSON"),
    Column("prev_hash", LargeBinary, nullable=False, comment="store: hash of the row before"),
    Column("hash", LargeBinary, nullable=False, comment="store: SHA-256 over the row and prev_hash"),
    Index(None, "connection_id", "erp_id", postgresql_where=text("erp_id <> ''")),
    Index(None, "connection_id", "at"),
    Index(None, "connection_id", "actor", "seq"),
    Index(None, "connection_id", "tag", "seq"),
    Index(None, "connection_id", "run_id", "seq", postgresql_where=text("run_id <> 0")),
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
    Column("hash", LargeBinary, nullable=False, comment="store: SHA-256 of the plain body"),
    Column("lasting", Boolean, nullable=False, comment="store: input of a decision, kept as long as its run"),
    Column("month", Date, nullable=False, comment="store: first day of the month (UTC) whose exchanges need it"),
    Column("size", Integer, nullable=False, comment="store: bytes of the plain body"),
    Column("body", LargeBinary, nullable=False, comment="systems: redacted body, compressed with zstd"),
    postgresql_partition_by="RANGE (lasting, month)",
)

exchanges = Table(
    "exchanges",
    METADATA,
    Column("id", BigInteger, Identity(), comment="store: given in the order they were written down"),
    owner(hot=True),
    Column("run_id", BigInteger, nullable=False, comment="engine: the run it belongs to"),
    word("side", "systems: erp or projects; engine for a decision and its input"),
    word("method", "systems: HTTP method"),
    word("path", "systems: path and query, redacted"),
    Column("status", Integer, nullable=False, comment="systems: HTTP status; 0 when no answer came"),
    Column("request_hash", LargeBinary, comment="store: evidence of the request body; null when empty"),
    Column("reply_hash", LargeBinary, comment="store: evidence of the reply body; null when empty"),
    word("request_id", "systems: the other side's name for the request"),
    Column("milliseconds", Integer, nullable=False, comment="systems: how long the answer took"),
    Column("write", Boolean, nullable=False, comment="systems: whether it was meant to change something"),
    Column("at", DateTime(timezone=True), nullable=False, comment="store: when it happened"),
    Column("intent_ids", ARRAY(BigInteger), nullable=False, comment="engine: the intents it carried"),
    Column("lasting", Boolean, nullable=False, comment="store: a decision, kept as long as its run"),
    postgresql_partition_by="RANGE (lasting, at)",
)

"""Both lie in months, and each month has its own keys and indexes (partitions.py): pg_restore --clean cannot drop those
a month would have from the whole."""

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
