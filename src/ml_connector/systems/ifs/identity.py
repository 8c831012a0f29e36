"""What a tenant says of itself: enough to tell it from another tenant, and from a clone at another address."""

from __future__ import annotations

import base64
import binascii

import msgspec

from ml_connector.kernel.errors import NameMissing, Refused, RightMissing
from ml_connector.systems.ifs.company import company_reading
from ml_connector.systems.ifs.rows import Row
from ml_connector.systems.ifs.system import IfsSystem
from ml_connector.systems.ifs.user import signed_in_as
from ml_connector.systems.wire import WireRequest

_UNREADABLE = (NameMissing, RightMissing, Refused)


class _Issued(msgspec.Struct):
    """The claim of an access token, or of the discovery document, that names who gives tokens (facts/ifs.md 3)."""

    iss: str = ""
    issuer: str = ""


_issued = msgspec.json.Decoder(_Issued)


def facts_of(system: IfsSystem, realm: str, token: str) -> dict[str, str]:
    """Facts by their name. `realm` is the address of the realm tokens come from; what may not be read is left out."""
    where, company = system.profile.company, system.settings.company
    facts = {"address": system.settings.url, "realm": realm.rpartition("/")[2], "company": company}
    facts["issuer"] = _claimed(token) or _discovered(system, realm)
    facts["service user"] = signed_in_as(system.odata)
    try:
        for raw in system.odata.rows(company_reading(system.odata, where, company, "read the company")):
            row = Row(raw, where)
            facts |= {"company name": row.text("name"), "company currency": row.text("currency")}
    except _UNREADABLE:
        pass  # the company's row is not needed for a run
    return {name: fact for name, fact in facts.items() if fact}


def _claimed(token: str) -> str:
    """Who gave a token, where it says so (a JWT). Nothing is verified: we have it from the tenant itself."""
    _, _, rest = token.partition(".")
    claims, dot, _ = rest.partition(".")
    if not dot:
        return ""
    try:
        return _issued.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))).iss
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return ""


def _discovered(system: IfsSystem, realm: str) -> str:
    """Who gives tokens by the realm's discovery document; empty where there is none."""
    url = f"{realm}/.well-known/openid-configuration"
    reply = system.odata.call(WireRequest("GET", url, {"accept": "application/json"}, safe=True, signed=False))
    if reply.status != 200:
        return ""
    try:
        return _issued.decode(reply.body).issuer
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
