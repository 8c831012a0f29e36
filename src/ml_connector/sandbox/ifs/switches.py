"""The settings a simulated tenant can differ in; every default is the value facts/ifs.md section 12 recommends."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

SECOND_NAMES = frozenset(["ManSuppInvoiceHandling", "SupplierInvoicesAnalysis", "SupplierInvoiceHandling"])
"""Candidates that a tenant does not have as long as the best of their kind is there."""

_ALLOWED = {
    "patch_without_if_match": "reject|upsert",
    "row_version": "seconds|counter",
    "default_page": r"all|cut:[1-9]\d*(:relative|:absolute)?",
    "max_top": r"none|(clamp|reject):[1-9]\d*",
    "enum_filter_plain_string": "400|accept",
    "objstate_filter": "ok|always_400",
    "ieee754": "accept|always|never",
    "validation_status": "400|500",
    "error_text": "with_constant|text_only|ora",
    "voucher_draft_after_create": "keep|remove",
    "token_ttl": r"\d+",
}
"""What a switch may be set to, as a pattern over its text."""


@dataclass(slots=True)
class IfsSwitches:
    """How this tenant behaves. Mutable: a test or the admin surface changes a field and the next call sees it."""

    patch_without_if_match: str = "reject"
    """`reject`: 428. `upsert`: creates or updates without a tag (facts 7.1)."""
    accept_star_etag: bool = True
    """Whether `If-Match: *` switches the concurrency check off; when not, it never matches: 412."""
    row_version: str = "seconds"
    """`seconds`: local yyyymmddhhmiss, two saves in one second share a tag (facts 7.1). `counter`: a running number."""
    default_page: str = "all"
    """What a read without `$top` gets: `all`, `cut:N` (no link), `cut:N:relative` or `cut:N:absolute` (facts 6.1)."""
    max_top: str = "none"
    """`none`, `clamp:N` (silently fewer rows) or `reject:N` (400)."""
    unordered_shuffle: bool = True
    """Rows come in another order on every read that has no `$orderby`."""
    enum_filter_plain_string: str = "400"
    """A plain string compared with an enum: `400` or `accept`."""
    objstate_filter: str = "ok"
    """`ok` or `always_400` (seen on one 24R2 tenant)."""
    contains_allowed: bool = True
    """Whether `contains` may be used in `$filter`; refused with 501 when not."""
    nested_needs_select: bool = False
    """On: a nested array read without `$select` gives its meta members only (facts 6, caveat of `$select`)."""
    ieee754: str = "accept"
    """`accept`: numbers are strings when the Accept header asks for it. `always`, `never`: whatever it asks."""
    action_needs_ieee754: bool = False
    """On: bound actions without IEEE754Compatible fail with 500 (facts section 4)."""
    validation_status: int = 400
    """HTTP status of business rules and missing fields: 400 or 500 (facts 9.2)."""
    error_text: str = "with_constant"
    """`with_constant` (Lu.CONST: text), `text_only` or `ora` (ORA-20110: Lu.CONST: text)."""
    entity_services_active: set[str] = field(default_factory=set)
    """Entity services an administrator has activated, by name without `.svc`; others answer 404."""
    token_ttl: int = 180
    """Life of an access token in seconds of the sandbox clock."""
    history_log: set[str] = field(default_factory=set)
    """Logical units whose changes are written to the history log (off for all at first)."""
    missing_projections: set[str] = field(default_factory=lambda: set(SECOND_NAMES))
    """Projections this tenant does not have: 404, and absent from the catalogue.

    At first the second-best candidates for projections whose names are not confirmed (facts 11.5)."""
    voucher_draft_after_create: str = "keep"
    """What becomes of a virtual voucher that CreateVoucher has used: `keep` until it is cleaned up, or `remove`."""
    denied_projections: set[str] = field(default_factory=set)
    """Projections not granted to the service user: 403."""
    timezone: str = "America/Chicago"
    """The zone whose local time is written into stamps, behind a false `Z` (facts 5.4)."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuses a value that the tenant could not follow with ValueError."""
        pattern = _ALLOWED.get(name)
        if pattern is not None and re.fullmatch(pattern, str(value)) is None:
            raise ValueError(f"{name} takes {pattern}, not {value!r}")
        if name == "timezone":
            ZoneInfo(value)
        object.__setattr__(self, name, value)


def default_page(switches: IfsSwitches) -> tuple[int | None, str]:
    """Rows of a read without `$top` (None: all) and the kind of next link: `none`, `relative` or `absolute`."""
    parts = switches.default_page.split(":")
    if parts[0] == "all":
        return None, "none"
    return int(parts[1]), parts[2] if len(parts) > 2 else "none"
