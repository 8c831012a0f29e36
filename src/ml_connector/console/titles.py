"""What people call tasks, tags, kinds, flows and reasons, which the program knows by words of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ml_connector.console.change_words import entry_text, entry_title, is_entry
from ml_connector.console.showing import moment_text
from ml_connector.planning.approving import COMPANY_WIDE
from ml_connector.planning.foreseen import step_words
from ml_connector.planning.mapping_words import code_words, part_name, setting_words
from ml_connector.planning.plan import ERP_KINDS, HoldReason, Verb
from ml_connector.registry import FLOWS
from ml_connector.views.document_states import record_title as written_title
from ml_connector.views.hold_words import ANSWERS, WORDS, choice_of, record_words, thing_words

_TASKS = {
    "alarms": "Looking for what people must hear of",
    "digest": "Daily digest",
    "exposure": "Computing the exposure",
    "flows": "Looking for changes",
    "hints": "Reading what webhooks told",
    "nightly": "Work of the night",
    "plan/asked": "Making a plan",
    "setup": "Looking at both sides for the set-up",
    "setup/check": "Testing the rights for the set-up",
    "setup/plan": "Making the plan of the set-up",
    "sweep": "Looking for events that never came",
    "verify": "Verifying the audit trail",
    "probe/erp": "Asking IFS whether it answers",
    "probe/projects": "Asking Procore whether it answers",
    "now/all": "Run that a person asked for",
    "now/approved": "Run of an approved plan",
}
_TASK_OF = {"poll": "Looking for changes", "rest": "Catching up", "now": "Run that a person asked for"}
"""First part of a task of some flows to what it does with them."""

_SUBJECTS = {
    "audit": "Audit trail",
    "commitment": "Contract",
    "commitment_line": "Contract line",
    "dimension": "Code part value",
    "erp_invoice": "Invoice in IFS",
    "event": "Event from outside",
    "freeze": "Freeze window",
    "project_vendor": "Directory entry",
    "user": "User",
    "vault": "Secrets",
}
_DONE = {
    "add": "added",
    "adopt": "linked and marked",
    "amend": "amended",
    "apply": "applied",
    "approve": "approved",
    "ask": "asked for",
    "bind": "tied to its systems",
    "cancel": "stopped by a person",
    "change": "changed",
    "check": "tested",
    "close": "closed",
    "confirm": "confirmed",
    "create": "created",
    "disable": "disabled",
    "dismiss": "laid aside",
    "enable": "let in again",
    "fill": "given its lines",
    "finish": "ended",
    "import": "imported",
    "link": "linked",
    "make": "made",
    "open": "opened",
    "override": "overridden",
    "pause": "paused",
    "propose": "proposed",
    "pull": "pulled",
    "rebind": "accepted anew with its systems",
    "receive": "received",
    "reject": "rejected",
    "release": "put back",
    "remove": "removed",
    "restore": "restored",
    "resume": "resumed",
    "retry": "made due at once",
    "revoke": "taken back",
    "rotate": "renewed",
    "seal": "sealed",
    "sign_in": "signed in",
    "sign_out": "signed out",
    "start": "started",
    "status": "moved to another status",
    "supersede": "superseded",
    "swallow": "left out",
    "update": "changed",
    "upgrade": "upgraded",
    "verify": "verified",
    "withdraw": "withdrawn",
}
_HOW = {
    "done": "{what} {done}",
    "refused": "{what} not {done}: refused",
    "unknown": "{what} perhaps {done}: outcome not known",
    "stopped": "{what} {done}: stopped for a person",
    "failed": "{what} not {done}: broken off",
}
_WHOLE = {
    "hold:open:done": "Held",
    "hold:release:done": "Hold ended",
    "echo:swallow:done": "Event of our own write left out",
    "brake:pull:done": "Stopped by a brake",
    "breaker:open:done": "System no longer called",
    "breaker:close:done": "System called again",
    "audit:verify:refused": "Audit trail found not whole",
    "database:backup:done": "Database backed up",
    "intent:supersede:done": "Step replaced by a newer one",
    "run:finish:failed": "Run broke off",
    "run:finish:stopped": "Run stopped for a person",
    "ruling:make:done": "Answer given",
    "ruling:withdraw:done": "Answer taken back",
    "replay:start:done": "Documents decided anew",
}
_REASONS = {reason.value: words.means for reason, words in WORDS.items()}
_SPOKEN = {flow: flow.replace("_", " ") for flow in FLOWS if "_" in flow}
_WAYS = {"once": "sign-in link", "openid": "OpenID"}
_SIDES = {"erp": "IFS", "projects": "Procore"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")
_VERBS = frozenset(one.value for one in Verb)
_KEY = re.compile(r"([a-z_]+):(\S.*)")
_CAPITALS = re.compile(r"(?<=[a-z])[A-Z]")
_TASK_WORD = re.compile(r"\b(?:poll|rest|now|probe)/[a-z_]+(?:,[a-z_]+)*|\bplan/asked\b")
_FLOW_WORD = re.compile(rf"\b(?:{'|'.join(_SPOKEN)})\b")


def flow_title(flow: str) -> str:
    """`Purchase orders`: a flow as people call it; the first letter is large."""
    return flow.replace("_", " ").capitalize()


def task_title(task: str) -> str:
    """`Looking for changes: cost codes`: a row of the agenda or a job of the queue as people call it."""
    known = _TASKS.get(task)
    first, _, rest = task.partition("/")
    if known or first not in _TASK_OF:
        return known or _TASKS.get(first) or flow_title(task.replace("/", ": "))
    flows = ", ".join(flow.replace("_", " ") for flow in rest.split(",") if flow)
    return f"{_TASK_OF[first]}: {flows}" if flows else _TASK_OF[first]


def tag_title(tag: str) -> str:
    """`Billing period created`: what a row of the audit trail says happened."""
    subject, _, rest = tag.partition(":")
    action, _, result = rest.partition(":")
    done = _DONE.get(action, action.replace("_", " "))
    how = _HOW.get(result, "{what} {done}")
    return _WHOLE.get(tag) or how.format(what=_SUBJECTS.get(subject, flow_title(subject)), done=done)


def way_title(way: str) -> str:
    """`sign-in link` for `once`: how somebody signs in."""
    return _WAYS.get(way, way)


def kind_title(kind: str) -> str:
    """`Subcontractor invoice`: a kind of record as people call it."""
    return _SUBJECTS.get(kind, flow_title(kind))


def reason_title(reason: str) -> str:
    """`It was sent back after it crossed`: why something is held."""
    return _REASONS.get(reason, flow_title(reason))


def record_title(record: str) -> str:
    """`invoice 138` for `supplier_invoice:138`; what is no record of ours stays as it is."""
    found = _KEY.fullmatch(record)
    if found and found[1] == "job":
        return task_title(found[2])
    return record_words(found[1], found[2]) if found else record


def step_title(verb: str, record: str) -> str:
    """`Make the contract` for `create` of `commitment:P100001`: what a step does, as people call it."""
    words = step_words(Verb(verb), record.partition(":")[0]) if verb in _VERBS else verb.replace("_", " ")
    return words[:1].upper() + words[1:]


def detail_title(name: str) -> str:
    """`waits for`: the name of a detail of the audit trail."""
    if is_entry(name):
        return entry_title(name)
    return _DETAILS.get(name, name.replace("_", " "))


_DETAILS = {
    "approved": "plan",
    "end": "up to row",
    "equal_to": "same as version",
    "hook": "webhook",
    "note": "reason given",
    "subject": "OpenID account",
    "target": "linked to",
    "then": "before",
    "url": "address",
    "was_open": "calls had been stopped",
    "why": "because",
}
"""Names of details that say nothing to people."""


_OURS = frozenset({"intent", "once_key", "source"})
"""Details by which the product finds its own rows again."""


def details_of(details: Mapping[str, Any], zone: str = "", kind: str = "") -> list[tuple[str, str, str]]:
    """The details of a row of the audit trail: name and value as people read them, and the moment where it is one.

    `kind` of the record says in which system it was written: `Procore contract: 5629`. What only programs go by
    (`_OURS`) is left to the files and the API.
    """
    told = {name: value for name, value in details.items() if value not in ("", None, {}, []) and name not in _OURS}
    if "answer" in told:
        told["answer"] = _answer(str(told["answer"]), str(told.get("reason", "")))
    return [
        (
            _written(kind) if name == "target" and kind and "answer" not in told else detail_title(name),
            detail_text(name, value, zone),
            value if is_moment(value) else "",
        )
        for name, value in told.items()
    ]


def _written(kind: str) -> str:
    """`Procore contract`: what the id over there is one of."""
    return f"{'IFS' if kind in ERP_KINDS else 'Procore'} {written_title(kind)}"


def _answer(answer: str, reason: str) -> str:
    """`IFS keeps it` for `erp`: an answer to a question, as it was chosen."""
    return choice_of(HoldReason(reason), answer).label if answer in ANSWERS and reason in _REASONS else answer


def detail_text(name: str, value: Any, zone: str = "") -> str:
    """A detail of the audit trail in words: reasons, records and moments as the pages have them elsewhere."""
    if is_entry(name) and isinstance(value, list) and len(value) == 2:
        return " \u2192 ".join(entry_text(name, one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{detail_title(inner)}: {detail_text(inner, one, zone)}" for inner, one in value.items())
    if isinstance(value, list):
        return ", ".join(detail_text(name, one, zone) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if is_moment(text):
        return f"{moment_text(text, zone)} {zone or 'UTC'}"
    return _detail(name, text)


def is_moment(value: Any) -> bool:
    """Whether a detail is a moment with its zone, which is shown in that of whoever looks."""
    return isinstance(value, str) and bool(_MOMENT.fullmatch(value))


def spoken(text: str) -> str:
    """A sentence in which tasks and flows are called what people call them."""
    text = _TASK_WORD.sub(lambda found: f"\u201c{task_title(found[0])}\u201d", text)
    return _FLOW_WORD.sub(lambda found: _SPOKEN[found[0]], text)


def choices(values: Iterable[str], kind: str) -> list[tuple[str, str]]:
    """Values with their titles, in the order of the titles, to choose from. Kind: tag, flow, task or reason."""
    found = [(value, _TITLES[kind](value)) for value in values]
    return found if kind == "flow" else sorted(found, key=lambda one: one[1].casefold())


def _detail(name: str, text: str) -> str:
    if name in ("reason", "reasons"):
        return _REASONS.get(text) or _CAPITALS.sub(lambda found: f" {found[0].lower()}", text)
    if name == "end":
        return text.partition(":")[0]
    if name == "projects":
        return "the company" if text == COMPANY_WIDE else text
    if name == "waits_for":
        found = _KEY.fullmatch(text)
        return thing_words(found[1], found[2]) if found else text
    if name == "side":
        return _SIDES.get(text, text)
    if name == "task":
        return task_title(text)
    if name == "how":
        return way_title(text)
    if name in ("flow", "flows"):
        return text.replace("_", " ")
    return record_title(text) if text.partition(":")[0] in _KINDS else text


_RECORDS = (
    "project vendor project_vendor cost_code budget_code commitment commitment_line change_order billing_period "
    "supplier_invoice subcontractor_invoice direct_cost payment budget budget_change voucher erp_invoice order "
    "purchase_requisition supplier billed_line dimension combination procore_document vendor_there"
)
_KINDS = frozenset(_RECORDS.split())
"""Kinds of records, by which `kind:id` is known from other words with a colon."""
_TITLES: dict[str, Callable[[str], str]] = {
    "tag": tag_title,
    "flow": flow_title,
    "task": task_title,
    "reason": reason_title,
}
FILTERS: dict[str, Callable[..., Any]] = {
    "flow_title": flow_title,
    "task_title": task_title,
    "tag_title": tag_title,
    "kind_title": kind_title,
    "way_title": way_title,
    "reason_title": reason_title,
    "record_title": record_title,
    "step_title": step_title,
    "choices": choices,
    "details_of": details_of,
    "code_words": code_words,
    "setting_words": setting_words,
    "part_name": part_name,
}
"""Filters of the templates, by name."""
