"""The closed list of audit tags, `subject:action:result`, so that a log can be asked the same question for years."""

from __future__ import annotations

_SENT = "done refused unknown"
_RECORDS = (
    "project vendor project_vendor cost_code budget_code commitment commitment_line change_order billing_period "
    "subcontractor_invoice direct_cost payment budget budget_change voucher erp_invoice purchase_requisition "
    "supplier billed_line dimension"
)
_VERBS = "link adopt create update fill status amend"

_GRAMMAR: tuple[tuple[str, str, str], ...] = (
    # What was done to records on either side.
    (_RECORDS, _VERBS, _SENT),
    # What the engine did.
    ("run", "start", "done"),
    ("run", "finish", "done stopped failed"),
    ("plan", "make", "done"),
    ("plan", "approve", "done refused"),
    ("plan", "apply", "done stopped"),
    ("brake", "pull", "done"),
    ("hold", "open release", "done"),
    ("intent", "supersede", "done"),
    ("echo", "swallow", "done"),
    ("breaker", "open close", "done"),
    ("connection", "bind rebind", "done refused"),
    ("event", "receive", "refused"),
    ("webhook", "add change rotate remove", "done"),
    ("replay", "start", "done"),
    # What a person did.
    ("ruling", "make withdraw", "done"),
    ("link", "make propose confirm reject remove", "done"),
    ("mapping", "import restore", "done refused"),
    ("connection", "add change remove check", "done refused"),
    ("connection", "pause resume", "done"),
    ("freeze", "override", "done"),
    ("job", "ask cancel retry release dismiss", "done"),
    ("vault", "seal rotate", "done refused"),
    ("database", "backup restore upgrade", "done"),
    ("audit", "verify", "done refused"),
    ("user", "sign_in", "done refused"),
    ("user", "add change remove disable enable sign_out", "done"),
    ("token", "add revoke", "done"),
)

TAGS: frozenset[str] = frozenset(
    f"{subject}:{action}:{result}"
    for subjects, actions, results in _GRAMMAR
    for subject in subjects.split()
    for action in actions.split()
    for result in results.split()
)
"""Every tag an audit row may carry; `audit.append` refuses any other."""


def tag(subject: str, action: str, result: str = "done") -> str:
    """`subject:action:result`, the way audit rows are tagged; whether it is on the list is asked when it is written."""
    return f"{subject}:{action}:{result}"
