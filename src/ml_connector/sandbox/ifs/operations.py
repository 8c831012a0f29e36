"""Actions other than state events: parameters are read by declaration, the work is found by name (facts/ifs.md 7.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ml_connector.sandbox.ifs.database import Database
from ml_connector.sandbox.ifs.model import Action, Attribute
from ml_connector.sandbox.ifs.refusals import bad_body, bad_request
from ml_connector.sandbox.ifs.rules_requisitions import convert_selection
from ml_connector.sandbox.ifs.voucher_approval import approve_by_key
from ml_connector.sandbox.ifs.voucher_assistant import validate_posting
from ml_connector.sandbox.ifs.wire import Format, decode_attribute

UNBOUND: dict[str, Callable[[Database, Mapping[str, Any]], Any]] = {
    "CreateRequisitionLineToOrder": convert_selection,
    "VouchApproval": approve_by_key,
    "ValidateVoucherPosting": validate_posting,
}
"""What each unbound action does with its parameters; the value is what it answers."""


def read_parameters(action: Action, body: Mapping[str, Any], form: Format) -> dict[str, Any]:
    """The parameters of an action in the database's types; those left out are None.

    Refused with 400: names the action does not have, values of another type, and needed ones that are missing.
    """
    kinds, found = dict(action.parameters), dict.fromkeys(name for name, _ in action.parameters)
    for name, given in body.items():
        if "@" in name:
            continue
        if name not in kinds:
            raise bad_body(name, f"{action.name} has no such parameter")
        found[name] = None if given is None else decode_attribute(Attribute(name, kinds[name]), given, form)
    for name, value in found.items():
        if value is None and name not in action.optional:
            raise bad_request(f"{action.name} needs the parameter {name}.")
    return found
