"""Units of measure: contract lines take only those on the company's list (facts/procore.md 7.3)."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import msgspec

from ml_connector.kernel.errors import NameMissing, Refused, RightMissing
from ml_connector.systems.procore.answers import UNITS, field_words
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.settings import UnknownUnit
from ml_connector.systems.procore.sync import BadRow

_CATEGORIES = ("Other", "Custom", "Count")
"""Categories a new unit is put in, the first that exists; else the first of the company."""


class UnitRow(msgspec.Struct):
    """A unit of the company's list."""

    name: str | None = None


class CategoryRow(msgspec.Struct):
    """A category of units."""

    id: int
    name: str | None = None


class UnitWrite(msgspec.Struct, omit_defaults=True):
    """A unit to be added."""

    name: str
    uom_category_id: int | None = None


class UnitSync(msgspec.Struct):
    """The body of PATCH .../uoms/sync."""

    updates: list[UnitWrite]


class UnitAnswer(msgspec.Struct):
    """What was added and what was not."""

    entities: list[UnitRow] | None = None
    errors: list[BadRow] | None = None


_rows = msgspec.json.Decoder(list[UnitRow])
_categories = msgspec.json.Decoder(list[CategoryRow])
_answer = msgspec.json.Decoder(UnitAnswer)


class Units:
    """The company's units, asked once and kept; missing ones are added where the setting allows. Thread safe."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._path = f"/rest/v1.0/companies/{client.company}/uoms"
        self._names: dict[str, str] | None = None
        self._readable = True

    def fitted(self, units: Iterable[str]) -> dict[str, str]:
        """Each unit to its spelling in Procore. Raises Refused, with a remedy, when one may not be added.

        Where the list may not be read, units go as they are and Procore judges them.
        """
        wanted = {unit for unit in units if unit}
        if not wanted:
            return {}
        with self._lock:
            known = self._known()
            if not self._readable:
                return {unit: unit for unit in wanted}
            missing = sorted(unit for unit in wanted if _spelt(known, unit) is None)
            if missing:
                self._add(missing)
                known = self._known()
            return {unit: _spelt(known, unit) or unit for unit in wanted}

    def count(self) -> int:
        """How many units the company lists."""
        with self._lock:
            return len(set(self._known().values()))

    def _known(self) -> dict[str, str]:
        if self._names is None:
            try:
                rows = self._client.pages(self._path, (), _rows, UNITS)
            except (RightMissing, NameMissing):
                self._readable = False
                rows = []
            self._names = {row.name.casefold(): row.name for row in rows if row.name}
            self._names |= {row.name: row.name for row in rows if row.name}
        return self._names

    def _add(self, missing: list[str]) -> None:
        names = ", ".join(missing)
        remedy = f"Add {names} to the units of measure of the Procore company, or map the unit to one it has."
        if self._client.settings.unknown_unit is not UnknownUnit.CREATE:
            raise Refused(f"The Procore company has no unit of measure {names}. {remedy}", remedy=remedy)
        body = UnitSync([UnitWrite(name, self._category()) for name in missing])
        try:
            answer = self._client.write("PATCH", f"{self._path}/sync", body, _answer, UNITS)
        except (RightMissing, NameMissing) as error:
            sentence = f"The Procore company has no unit of measure {names}, and we may not add it. {remedy}"
            raise Refused(sentence, remedy=remedy, reference=error.reference) from None
        finally:
            self._names = None
        known = self._known()
        left = [name for name in missing if _spelt(known, name) is None]
        if left:
            said = field_words(answer.errors[0].errors) if answer.errors else "no reason given"
            raise Refused(
                f"Procore did not take the unit of measure {', '.join(left)}: {said}. {remedy}", remedy=remedy
            )

    def _category(self) -> int | None:
        try:
            path = f"/rest/v1.0/companies/{self._client.company}/uom_categories"
            rows = self._client.get(path, (), _categories, UNITS)
        except (RightMissing, NameMissing):
            return None
        by_name = {row.name: row.id for row in rows}
        for name in _CATEGORIES:
            if name in by_name:
                return by_name[name]
        return rows[0].id if rows else None


def _spelt(known: dict[str, str], unit: str) -> str | None:
    """Procore's spelling: the same letters first, else another case of them."""
    return known.get(unit) or known.get(unit.casefold())
