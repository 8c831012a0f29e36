"""Tables of the unattended service: what came to the door, what is due, who works, what is paused and who was told.

The queue's own tables are Procrastinate's and stand in a schema of their own (store/queue_schema.py).
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    Text,
    text,
)

from ml_connector.store.columns import METADATA, form, moment, number, one_of, owner, word

hooks = Table(
    "hooks",
    METADATA,
    owner(key=True),
    word("slug", "app: the last part of the address, drawn at random", key=True),
    *one_of("source", "procore", "procore ifs", "app: which system calls it"),
    word("project", "projects: the project it is for there; empty for one of the company"),
    word("remote_id", "projects: the hook's id there; empty before it is registered, and for ifs always"),
    Column("secret_hash", LargeBinary, nullable=False, comment="app: SHA-256 of the whole Authorization header"),
    word("url", "app: the address as it was registered"),
    word("version", "app: payload version asked for, such as v4.0"),
    *one_of("state", "active", "active broken gone", "app: how it stood when it was last looked at"),
    moment("synced_at", "store: when it was last compared with the other side"),
)

inbox = Table(
    "inbox",
    METADATA,
    number("id", "store: given in the order of arrival"),
    owner(hot=True),
    word("slug", "door: the hook it came by"),
    *one_of("source", "procore", "procore ifs sweep", "door: who told it"),
    word("event", "door: ulid or id of the event; the same one is kept once"),
    Column("body", LargeBinary, nullable=False, comment="door: the event as it came"),
    word("resource", "service: what kind of thing it is about, as the other side calls it"),
    word("action", "service: create, update, delete, or the other side's word"),
    word("record", "service: the other side's id of the record"),
    word("project", "service: the other side's id of the project; empty when company-wide"),
    moment("happened_at", "service: when it happened, by the event itself"),
    moment("received_at", "store: when it was committed", now=True),
    *one_of("state", "new", "new taken done echo refused ignored", "service: what became of it"),
    word("note", "service: why it was refused or ignored"),
    Column("run_id", BigInteger, nullable=False, server_default=text("0"), comment="service: the run it caused"),
    moment("settled_at", "service: when it was done with"),
    Index("inbox_event_key", "connection_id", "source", "event", unique=True),
    Index("inbox_new_idx", "connection_id", "id", postgresql_where=text("state = 'new'")),
    Index("inbox_taken_idx", "connection_id", postgresql_where=text("state = 'taken'")),
    Index("inbox_received_at_idx", "received_at"),
    Index("inbox_settled_at_idx", "settled_at", postgresql_where=text("state = 'done'")),
)

agenda = Table(
    "agenda",
    METADATA,
    owner(key=True, hot=True),
    word("name", "service: what is to be done, such as poll/purchase_orders, retry, probe/erp, nightly", key=True),
    moment("due_at", "service: when; null when it waits for nothing"),
    Column("priority", Integer, nullable=False, server_default=text("0"), comment="service: larger goes first"),
    form("args", "service: what the job is given besides"),
    word("why", "service: in words, for the status page"),
    Column("attempts", Integer, nullable=False, server_default=text("0"), comment="service: failures in a row"),
    moment("queued_at", "service: when it last became a job"),
    moment("started_at", "service: when it last began"),
    moment("finished_at", "service: when it last ended, well or not"),
    moment("well_at", "service: when it last ended well: how fresh it is"),
    Column("skipped", BigInteger, nullable=False, server_default=text("0"), comment="service: polls left out: busy"),
    Column("asked", Boolean, nullable=False, server_default=text("false"), comment="service: due_at is its own wish"),
    Column("waiting_job", BigInteger, nullable=False, server_default=text("0"), comment="service: its job that waits"),
    Column("running_job", BigInteger, nullable=False, server_default=text("0"), comment="service: its job at work"),
    Column("parked_id", BigInteger, nullable=False, server_default=text("0"), comment="service: its row in parked"),
    form("ended", "service: workers that ended in the middle of it, since it last ended by itself"),
    word("remedy", "service: what a person can do about why; empty where nothing is known"),
    Index("agenda_due_at_idx", "due_at"),
)
"""`connection_id` 0 is the installation."""

workers = Table(
    "workers",
    METADATA,
    word("id", "service: host, process id and a random part", key=True),
    *one_of("kind", "worker", "worker door scheduler serve", "service: what the process does"),
    word("host", "service: the machine"),
    Column("pid", Integer, nullable=False, comment="service: its process there"),
    Column("queue_id", BigInteger, comment="service: its row in the queue's own table of workers"),
    moment("started_at", "store: when it began", now=True),
    moment("seen_at", "store: its last sign of life", now=True),
    Column("stopping", Boolean, nullable=False, server_default=text("false"), comment="service: takes no new work"),
)

leases = Table(
    "leases",
    METADATA,
    owner(key=True, hot=True),
    Column("fence", BigInteger, nullable=False, comment="store: one more with each holder"),
    word("holder", "store: who may write"),
    Column("session", Integer, nullable=False, comment="store: the holder's database session"),
    moment("renewed_at", "store: when the holder last said that it lives", now=True),
    word("process", "store: machine, process and lock of the holder: whether it can be alive still"),
    Column("seconds", Float, nullable=False, server_default=text("10"), comment="store: how long a renewal holds"),
)

paces = Table(
    "paces",
    METADATA,
    owner(key=True, hot=True),
    word("side", "systems: erp or projects", key=True),
    word("window", "systems: which of the side's windows: spike, hour or hold", key=True),
    Column("most", Float, nullable=False, comment="systems: requests the window allows"),
    Column("left_over", Float, nullable=False, comment="systems: requests not yet used or given out"),
    Column("resets_at", Float, nullable=False, comment="systems: unix seconds at which it begins anew or a hold ends"),
    moment("at", "store: when it was last learned", now=True),
)

breakers = Table(
    "breakers",
    METADATA,
    owner(key=True, hot=True),
    word("side", "service: erp or projects", key=True),
    *one_of("state", "closed", "closed open probing", "service: closed lets everything through"),
    word("reason", "service: the error's name, such as SignInRefused"),
    word("sentence", "service: why, in words"),
    word("remedy", "service: what to do"),
    Column("failures", Integer, nullable=False, server_default=text("0"), comment="service: probes that failed"),
    Column("strikes", Integer, nullable=False, server_default=text("0"), comment="service: runs in a row it was away"),
    moment("since", "service: when it opened"),
    moment("probe_at", "service: when it is tried next"),
)

identities = Table(
    "identities",
    METADATA,
    owner(key=True),
    word("side", "systems: erp or projects", key=True),
    form("facts", "systems: what the side says of itself"),
    Column("digest", LargeBinary, nullable=False, comment="systems: SHA-256 of the facts"),
    word("bound_by", "person or engine: who tied the connection to it"),
    moment("bound_at", "store: when", now=True),
    word("seen_under", "wiring: mark of the token under which it was last compared"),
)

pauses = Table(
    "pauses",
    METADATA,
    owner(key=True),
    word("flow", "person: which flow; empty for all", key=True),
    word("actor", "store: who paused it"),
    word("note", "person: why, in their words"),
    moment("until", "person: when it ends by itself; null for never"),
    moment("at", "store: since when", now=True),
    Column(
        "setting_up",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="app: the one a set-up began with, which only an approved plan ends",
    ),
)

alerts = Table(
    "alerts",
    METADATA,
    owner(key=True, hot=True),
    word("key", "service: what it is about; one alarm for one cause", key=True),
    *one_of("severity", "warning", "notice warning urgent", "service: how loud"),
    word("sentence", "service: what is wrong, in words"),
    word("remedy", "service: what to do; docs/runbook.md has a part for each"),
    word("role", "service: whose it is"),
    Column("money", Numeric, comment="service: money at stake; null when none"),
    word("currency", "service: ISO 4217 code of the money"),
    Column("times", BigInteger, nullable=False, server_default=text("1"), comment="service: how often it was seen"),
    moment("first_at", "store: when it was first seen", now=True),
    moment("last_at", "store: when it was last seen", now=True),
    moment("told_at", "service: when it was last sent to somebody; null before"),
    Column(
        "told_to",
        ARRAY(Text),
        nullable=False,
        server_default=text("'{}'"),
        comment="service: marks of the addresses that believe it stands: they took it, and do not know that it is over",
    ),
    moment("cleared_at", "service: when its cause was gone; null while it stands"),
)

counters = Table(
    "counters",
    METADATA,
    owner(key=True, hot=True),
    word("name", "service: what is counted, such as echoes or recovered", key=True),
    Column("value", BigInteger, nullable=False, comment="service: how many since the connection was added"),
)

parked = Table(
    "parked",
    METADATA,
    number("id", "store: given once"),
    owner(hot=True),
    Column("job_id", BigInteger, nullable=False, comment="queue: the job that was given up"),
    word("task", "queue: what it was to do"),
    form("args", "queue: with what"),
    Column("attempts", Integer, nullable=False, comment="service: how often it was tried"),
    form("evidence", "service: workers it ended, runs it began and where they stood"),
    word("sentence", "service: why it was given up"),
    moment("at", "store: when it was given up", now=True),
    moment("released_at", "person: when it was put back or dismissed"),
    word("released_by", "person: who did"),
)

census = Table(
    "census",
    METADATA,
    owner(key=True, hot=True),
    word("kind", "engine: record kind", key=True),
    word("erp_id", "engine: the link's key, or the other side's id where there is no link", key=True),
    word("scope", "engine: the erp project it lies in; empty when company-wide"),
    *one_of("what", "missing", "missing extra stale", "engine: what is off"),
    word("sentence", "engine: in accounting words"),
    Column("repaired", Boolean, nullable=False, server_default=text("false"), comment="engine: mended by itself"),
    moment("first_at", "store: when it was first found", now=True),
    moment("last_at", "store: when it was last found", now=True),
)
