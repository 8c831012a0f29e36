"""Who we are to IFS, as its framework tells it (facts/ifs.md 2.1, inferred)."""

from __future__ import annotations

import msgspec

from ml_connector.kernel.errors import NameMissing, RightMissing
from ml_connector.systems.ifs.odata import Odata

_NAMES = ("UserId", "Userid", "Identity", "DirectoryId", "FndUser", "UserName")


def signed_in_as(odata: Odata) -> str:
    """The id of the service user; empty where the tenant does not tell, or tells it in a way we do not know."""
    what = "tell who is signed in"
    try:
        body = odata.get(odata.service("FrameworkServices") + "GetCurrentUserInformation()", what)
    except (RightMissing, NameMissing):  # signed in, but this service is not granted: nothing we depend on
        return ""
    try:
        answer = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ""
    found = (answer.get(name) for name in _NAMES) if isinstance(answer, dict) else ()
    return next((value for value in found if isinstance(value, str) and value), "")
