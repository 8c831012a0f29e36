"""One effect on a vendor or on the supplier that is its partner."""

from __future__ import annotations

from ml_connector.kernel.keys import Key, once_key
from ml_connector.planning.plan import Intent, Verb, pack
from ml_connector.planning.vendor_holds import FLOW
from ml_connector.records.vendor import Vendor

COUNTS_AS = {Verb.LINK: "linked", Verb.ADOPT: "linked", Verb.CREATE: "created", Verb.UPDATE: "updated"}


def vendor_intent(
    company: str, verb: Verb, key: Key, target: str, records: tuple[Vendor, Vendor | None], reason: str
) -> Intent:
    """One effect; `records` are what is sent and what is agreed once it is done, as far as that is known."""
    body, agreed = records
    return Intent(
        flow=FLOW,
        verb=verb,
        key=key,
        once_key=once_key(company, "vendor", key.id),
        scope="",
        target=target,
        body=pack(body),
        needs=(),
        after=(),
        money=None,
        reason=reason,
        source=key.id,
        counts_as=COUNTS_AS[verb],
        base=pack(agreed) if agreed else b"",
    )
