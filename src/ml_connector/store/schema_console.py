"""Tables of the people who use the console: who may sign in, their sessions and tokens, and what pages look up."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from ml_connector.store.columns import METADATA, form, moment, number, one_of, owner, word


def _person() -> Column[int]:
    """The user a row belongs to; the row goes when the user goes."""
    return Column(
        "user_id",
        BigInteger,
        ForeignKey("users.id", ondelete="CASCADE"),
        nullable=False,
        comment="access: the user this row belongs to",
    )


users = Table(
    "users",
    METADATA,
    number("id", "store: given once, never used again"),
    Column("name", Text, nullable=False, unique=True, comment="administrator: what they sign in with, small letters"),
    word("title", "administrator: what people call them"),
    word("email", "administrator: where they are written to"),
    *one_of("role", "viewer", "viewer operator approver admin", "administrator: what they may do"),
    word("password", "access: argon2id, with its salt and cost; empty when they sign in elsewhere"),
    word("issuer", "access: the OpenID provider that knows them; empty for local users"),
    word("subject", "access: what that provider calls them"),
    word("zone", "person: the time zone they read in, such as America/Chicago; empty for the browser's"),
    moment("made_at", "store: when they were added", now=True),
    moment("password_at", "access: when the password was last set"),
    moment("seen_at", "access: when they last signed in"),
    moment("disabled_at", "administrator: since when they may not sign in"),
    Index("users_subject_key", "issuer", "subject", unique=True, postgresql_where=text("subject <> ''")),
)

sessions = Table(
    "sessions",
    METADATA,
    Column("hash", LargeBinary, primary_key=True, comment="access: SHA-256 of what the cookie holds"),
    _person(),
    word("csrf", "access: what every form of this session must carry"),
    word("address", "access: where it was begun from"),
    word("agent", "access: the browser, as it calls itself"),
    word("how", "access: password, openid or once"),
    moment("made_at", "store: when it was begun", now=True),
    moment("seen_at", "access: when it was last used, to the minute", now=True),
    Column("ends_at", DateTime(timezone=True), nullable=False, comment="access: when it ends, whatever happens"),
    Index(None, "user_id"),
)

api_tokens = Table(
    "api_tokens",
    METADATA,
    number("id", "store: given once"),
    _person(),
    word("name", "person: what it is for"),
    Column("hash", LargeBinary, nullable=False, unique=True, comment="access: SHA-256 of the token"),
    Column("scopes", ARRAY(Text), nullable=False, comment="person: permissions it has, of those of its user"),
    moment("made_at", "store: when it was made", now=True),
    Column("ends_at", DateTime(timezone=True), nullable=False, comment="person: when it ends"),
    moment("used_at", "access: when it was last used, to the minute"),
    moment("revoked_at", "person: when it was taken back"),
    Index(None, "user_id"),
)

sign_ins = Table(
    "sign_ins",
    METADATA,
    number("id", "store: given in the order of trying"),
    word("name", "access: the user's name; for a name nobody has, a digest of what was typed"),
    word("address", "access: where it came from"),
    Column("well", Boolean, nullable=False, comment="access: whether it was let in"),
    moment("at", "store: when", now=True),
    moment("told_at", "access: when the audit trail was told of it, if it was refused"),
    Index(None, "name", "at"),
    Index(None, "address", "at"),
    Index("sign_ins_told_at_idx", "told_at", postgresql_where=text("told_at IS NOT NULL")),
)

once_words = Table(
    "once_words",
    METADATA,
    Column("hash", LargeBinary, primary_key=True, comment="access: SHA-256 of the word"),
    *one_of(
        "use", "sign_in", "sign_in openid", "access: a link with which to sign in, or one OpenID sign-in under way"
    ),
    Column(
        "user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), comment="access: whom it signs in, if known"
    ),
    form("about", "access: for openid what the answer must fit: nonce, verifier, browser, and where to go then"),
    moment("made_at", "store: when it was made", now=True),
    Column("ends_at", DateTime(timezone=True), nullable=False, comment="access: until when it may be spent"),
    Index(None, "user_id"),
)

setups = Table(
    "setups",
    METADATA,
    number("id", "store: given once, never used again"),
    Column("name", Text, nullable=False, unique=True, comment="administrator: the connection it makes, or is about"),
    Column(
        "connection_id",
        BigInteger,
        ForeignKey("connections.id", ondelete="CASCADE"),
        unique=True,
        comment="store: the connection, once both halves are known; the row goes with it",
    ),
    form("answers", "administrator: what was typed of either half, never a secret"),
    form("marks", "store: steps people said are done, with when and who"),
    word("begun_by", "store: who began it"),
    moment("begun_at", "store: when it was begun", now=True),
    moment("changed_at", "store: when anything of it last changed", now=True),
    moment("finished_at", "administrator: when its last step was done"),
)


def _set_up() -> Column[int]:
    """The set-up a row belongs to; the row goes when the set-up goes."""
    return Column(
        "setup_id",
        BigInteger,
        ForeignKey("setups.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        comment="store: the set-up this row belongs to",
    )


setup_secrets = Table(
    "setup_secrets",
    METADATA,
    _set_up(),
    word("field", "vault: which secret, as in secrets", key=True),
    Column("nonce", LargeBinary, nullable=False, comment="vault: 12 bytes, new for each sealing"),
    Column("sealed", LargeBinary, nullable=False, comment="vault: AES-256-GCM, bound to the set-up and the field"),
    word("key_id", "vault: which key opens it"),
)

setup_findings = Table(
    "setup_findings",
    METADATA,
    _set_up(),
    word("what", "store: check or survey", key=True),
    Column("body", LargeBinary, nullable=False, comment="service: what was found, as JSON"),
    moment("found_at", "store: when both systems were asked", now=True),
)

run_progress = Table(
    "run_progress",
    METADATA,
    Column(
        "run_id",
        BigInteger,
        ForeignKey("runs.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        comment="engine: the run it is of",
    ),
    moment("at", "store: when the run last said so", now=True),
    form("doing", "engine: its step, how many of how many, requests, pauses and money so far"),
    form("totals", "engine: control totals by flow, when it ended"),
    form("skips", "engine: what was left alone and why, by flow, when it ended"),
    form("documents", "engine: what was looked at, by flow and by what became of it, when it ended"),
)

daily = Table(
    "daily",
    METADATA,
    owner(key=True),
    Column("day", Date, primary_key=True, comment="engine: the day in the zone of the connection"),
    word("currency", "engine: ISO 4217 code where money is meant; empty for numbers of records", key=True),
    Column("moved", Numeric, nullable=False, server_default=text("0"), comment="engine: what its runs moved"),
    Column("held", Numeric, nullable=False, server_default=text("0"), comment="engine: what was held after the last"),
)

exposures = Table(
    "exposures",
    METADATA,
    number("id", "store: given in the order of looking"),
    owner(),
    moment("at", "store: when it was computed", now=True),
    word("actor", "engine: who asked for it"),
    Column("invoices", BigInteger, nullable=False, comment="engine: invoices that have a place"),
    Column("lines", BigInteger, nullable=False, comment="engine: invoice lines that have a place"),
    form("figures", "engine: exposure, placed, shown and missing by currency"),
    form("findings", "engine: the first of its differences"),
    Column("found", BigInteger, nullable=False, comment="engine: how many differences there were"),
    Index(None, "connection_id", "id"),
)

names = Table(
    "names",
    METADATA,
    owner(key=True, hot=True),
    word("kind", "engine: kind of document, such as order or vendor", key=True),
    word("id", "engine: its id in the system that bore it", key=True),
    word("called", "engine: the number people call it by"),
    word("title", "engine: its title, or whose it is"),
    word("party", "engine: IFS supplier it is of; empty when it is of none or that is not known yet"),
    word("project", "engine: IFS project it lies on; empty for none or several"),
    Column("amount", Numeric, comment="engine: what it comes to, in currency; null when that means nothing"),
    word("currency", "engine: ISO 4217 code of the amount"),
    Column(
        "words",
        TSVECTOR,
        nullable=False,
        comment="engine: in small letters, what it is found by, and kind:id of all it belongs to",
    ),
    moment("at", "store: when the row last changed", now=True),
    Index("names_words_idx", "words", postgresql_using="gin"),
    Index(None, "connection_id", "at"),
)

code_uses = Table(
    "code_uses",
    METADATA,
    owner(key=True, hot=True),
    word("kind", "engine: order, supplier_invoice or budget", key=True),
    word("document", "erp: the document, of a budget its project", key=True),
    word("line", "erp: its line, of a budget the cost element and activity", key=True),
    word("project", "erp: project the line lies on"),
    word("codes", "erp: its code string, JSON pairs of part and value"),
    word("activity", "erp: number of its activity"),
    word("sub_project", "erp: sub-project of its activity"),
    Column("amount", Numeric, nullable=False, comment="erp: what the line comes to, in currency"),
    word("currency", "erp: ISO 4217 code of the amount"),
    Index(None, "connection_id", "codes"),
)

standings = Table(
    "standings",
    METADATA,
    number("id", "store: given in the order of noticing"),
    owner(hot=True),
    word("kind", "engine: kind of the record: one of ours in IFS, or a document of Procore"),
    word("erp_id", "engine: its id, as in links; of a document of Procore its id there"),
    word("state", "engine: how it was seen to stand from then on; gone when it was nowhere to be found"),
    Column("at", DateTime(timezone=True), nullable=False, comment="engine: when, as far as that is known"),
    Column("run_id", BigInteger, nullable=False, comment="engine: the run that saw it first"),
    Column("day", Date, comment="erp: the day it names for it; null where it names none"),
    word("who", "erp: who did it; empty where it does not say"),
    word("note", "erp: what it said about it, such as why the ledger did not take a voucher"),
    Index(None, "connection_id", "kind", "erp_id", "id"),
)

mapping_drafts = Table(
    "mapping_drafts",
    METADATA,
    owner(key=True),
    word("actor", "person: whose draft it is", key=True),
    word("toml", "person: the mapping as they would have it"),
    Column("based_on", BigInteger, nullable=False, comment="store: the version it was begun from"),
    moment("at", "store: when it last changed", now=True),
)
