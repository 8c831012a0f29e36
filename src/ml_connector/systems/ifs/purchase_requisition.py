"""Purchase requisitions: orders proposed to IFS, left Planned for a buyer to release (facts/ifs.md 11.4).

One change set makes the header and its no-part lines, so that there is never half a requisition. Our once-key begins
the header's note; who deletes it there makes the requisition look as if it had never been proposed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.kernel.errors import BadInput, Refused
from ml_connector.kernel.keys import Key, once_key
from ml_connector.kernel.money import decimal_of, rounded
from ml_connector.kernel.text import clipped
from ml_connector.records.purchase_requisition import PurchaseRequisition, RequisitionLine
from ml_connector.systems.ifs.change_set import ChangeSet, ChangeSets, Part
from ml_connector.systems.ifs.odata import Odata, Reading, any_of
from ml_connector.systems.ifs.once import HEADER, Once, Place, note, remove_header
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.writing_profile import WriteSet, WritingProfile, defaults_of
from ml_connector.systems.outcomes import body_of
from ml_connector.systems.port import Effect, Mark, Outcome

_NOTE = 2000
_DESCRIPTION = 200
"""Characters these texts may have (inferred, facts/ifs.md 11.4)."""
_LETTERS = "ABCDEFGHIJ"
_row = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


class Requisitions:
    """Proposes requisitions and reads ours back. Thread safe."""

    def __init__(self, odata: Odata, sets: ChangeSets, profile: Profile, company: str) -> None:
        self._odata = odata
        self._company = company
        self._writes = profile.writes
        self._once = Once(odata, sets, _place(profile.writes), self._whole)

    def create(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Makes each requisition that is not there yet; the outcome's target is its number."""
        return self._once.create(effects, self._render)

    def find(self, effect: Effect) -> Outcome | None:
        """DONE with its number when the requisition is there, in whatever state but an ended one."""
        return self._once.find(effect)

    def requisitions(self, once_keys: Sequence[str]) -> list[PurchaseRequisition]:
        """Requisitions of ours by once-key with their no-part lines; `state` is the tenant's own identifier.

        Amounts are quantity times price, to the cent; a line's id is `LINE/RELEASE`. Those that ended come first.
        Raises Refused for a row that cannot be read.
        """
        found = [(key, row) for key, rows in self._once.rows(once_keys).items() for row in rows]
        lines = self._lines([_text(row, self._writes.requisition, "id") for _, row in found])
        made = [_requisition(key, row, self._writes, lines) for key, row in found]
        return sorted(made, key=lambda one: not one.ended)

    def marks(self) -> list[Mark]:
        """Those that carry our key."""
        return self._once.marks(once_key(self._company, "commitment", ""))

    def _render(self, effect: Effect) -> ChangeSet:
        body = body_of(effect, PurchaseRequisition)
        writes = self._writes
        where = writes.requisition
        text, reference = clipped(body.text, _NOTE), effect.once_key
        if where.shared():
            text = reference = note(effect.once_key, body.text, _NOTE)
        header = defaults_of(writes.requisition_defaults, "header") | where.body(
            {"site": body.site, "requisitioner": body.requisitioner, "text": text, "reference": reference}
        )
        vendor = effect.ids.get(Key("supplier", body.vendor), body.vendor)
        array = f"${HEADER}/{writes.requisition_lines}"
        parts = [Part("POST", where.entity_set, header, content_id=HEADER)]
        parts += [Part("POST", array, self._line(line, vendor, body.currency)) for line in body.lines]
        return ChangeSet(tuple(parts), undo=remove_header())

    def _whole(self, effect: Effect, number: str) -> bool:
        return len(self._lines([number]).get(number, [])) >= len(body_of(effect, PurchaseRequisition).lines)

    def _line(self, line: RequisitionLine, vendor: str, currency: str) -> dict[str, object]:
        values: dict[str, object] = {
            "description": clipped(line.description, _DESCRIPTION),
            "quantity": line.quantity,
            "unit": line.unit,
            "price": line.price,
            "currency": currency,
            "vendor": vendor,
            "project": line.project,
            "activity": activity_number(line.activity),
            "wanted": line.wanted,
            **{f"code_{letter.lower()}": value for letter, value in line.codes},
        }
        return defaults_of(self._writes.requisition_defaults, "line") | self._writes.requisition_line.body(values)

    def _lines(self, numbers: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        where = self._writes.requisition_line
        keys = tuple(where.name(word) for word in ("requisition", "line", "release"))
        found: dict[str, list[dict[str, Any]]] = {}
        address = self._odata.service(where.projection) + where.entity_set
        for condition in any_of(keys[0], numbers):
            for raw in self._odata.rows(
                Reading(address, "read requisition lines", keys, where.select(), (), condition)
            ):
                row = _row.decode(raw)
                found.setdefault(str(row.get(keys[0])), []).append(row)
        return found


def activity_number(activity: str) -> Decimal | None:
    """The activity sequence as a number; None where there is none. Raises Refused for what is no number."""
    if not activity:
        return None
    if not activity.isdigit():
        raise Refused(f"{activity!r} is no activity sequence: IFS numbers its activities.")
    return Decimal(activity)


def _place(writes: WritingProfile) -> Place:
    where = writes.requisition
    return Place(
        what="purchase requisition",
        projection=where.projection,
        entity_set=where.entity_set,
        id=where.name("id"),
        reference=where.name("reference"),
        leading=where.shared(),
        select=where.select(),
        state=where.name("state"),
        ended=writes.requisition_ended,
    )


def _requisition(
    key: str, row: Mapping[str, Any], writes: WritingProfile, lines: Mapping[str, list[dict[str, Any]]]
) -> PurchaseRequisition:
    where, of_line = writes.requisition, writes.requisition_line
    identity, state = _text(row, where, "id"), _text(row, where, "state")
    own = lines.get(identity, [])
    currency = next((text for one in own if (text := _text(one, of_line, "currency"))), "")
    return PurchaseRequisition(
        once_key=key,
        site=_text(row, where, "site"),
        requisitioner=_text(row, where, "requisitioner"),
        vendor=next((text for one in own if (text := _text(one, of_line, "vendor"))), ""),
        currency=currency,
        text=_text(row, where, "text").removeprefix(key).strip(),
        lines=tuple(_line(one, of_line, currency) for one in own),
        id=identity,
        state=state,
        ended=state in writes.requisition_ended,
    )


def _line(row: Mapping[str, Any], where: WriteSet, currency: str) -> RequisitionLine:
    quantity, price = _number(row, where, "quantity"), _number(row, where, "price")
    activity, wanted = _text(row, where, "activity"), _text(row, where, "wanted")
    return RequisitionLine(
        id=f"{_text(row, where, 'line')}/{_text(row, where, 'release')}",
        description=_text(row, where, "description"),
        quantity=quantity,
        unit=_text(row, where, "unit"),
        price=price,
        amount=rounded(quantity * price, currency),
        project=_text(row, where, "project"),
        activity="" if activity == "0" else activity,
        codes=tuple((part, value) for part in _LETTERS if (value := _text(row, where, f"code_{part.lower()}"))),
        wanted=date.fromisoformat(wanted[:10]) if wanted else None,
    )


def _text(row: Mapping[str, Any], where: WriteSet, word: str) -> str:
    value = row.get(where.name(word))
    return "" if value is None else str(value).rstrip()


def _number(row: Mapping[str, Any], where: WriteSet, word: str) -> Decimal:
    """The number; zero where the tenant does not tell it. Raises Refused for what is no number."""
    value = row.get(where.name(word))
    try:
        return Decimal(0) if value is None else decimal_of(value, where.name(word))
    except BadInput as error:
        raise Refused(error.sentence) from None
