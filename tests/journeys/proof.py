"""The proof: both systems' own answers laid side by side, line by line, with nothing of ours in between."""

from __future__ import annotations

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from ml_connector.sandbox.cast import SITES, TROUBLES

from .windows import windows

STATUS = {
    "Released": "Approved",
    "Confirmed": "Approved",
    "Received": "Approved",
    "Stopped": "Processing",
    "Closed": "Closed",
    "Cancelled": "Closed",
}
"""IFS order state to Procore status, as the policy's defaults have it."""

_MARK = re.compile(r"\(ERP line (\d+/\d+)\)$")
_SPELLED_ANOTHER_WAY = {TROUBLES["vendor_two_spellings"].supplier_id: "HOLLIS AND WEBB CONCRETE INCORPORATED"}
_SENT = ("Released", "Confirmed", "Received", "Stopped")
_ENDED = ("Closed", "Cancelled")


@dataclass(frozen=True)
class Position:
    """One line as it should be, or is: flat code, money, and quantity where nothing amended it."""

    code: str
    amount: Decimal
    quantity: Decimal | None


@dataclass(frozen=True)
class Paper:
    """One contract as it should be, or is."""

    status: str
    currency: str
    lines: dict[str, Position]
    id: int = 0
    original: Decimal = Decimal(0)
    changes: int = 0


Where = tuple[str, str]
"""IFS project and contract number."""


class Proof:
    """Made before the first sync, it knows what was in Procore before us; asked later, it names every difference."""

    def __init__(self, connection: str) -> None:
        """`connection`: the text of the sandbox's connection file."""
        self.ifs, self.procore = windows(connection)
        self.status = dict(STATUS)
        """IFS order state to Procore status; a test that changes the policy changes it here too."""
        rows = tomllib.loads(connection)["mapping"]["cost_type"]["row"]
        self._types = [(row["A"], row["to"]) for row in rows]
        self._vendors_before = {row["id"] for row in self.procore.vendors()}
        self.project_ids = self._pairs()
        self._codes_before = {
            ours: {row["full_code"] for row in self.procore.cost_codes(theirs)}
            for ours, theirs in self.project_ids.items()
        }
        self._budget_before = {
            ours: {row["flat_code"] for row in self.procore.wbs_codes(theirs)}
            for ours, theirs in self.project_ids.items()
        }

    def again(self, connection: str) -> Proof:
        """A proof of its own that knows what this one knew."""
        other = copy(self)
        other.status = dict(self.status)
        other.ifs, other.procore = windows(connection)
        return other

    def _pairs(self) -> dict[str, int]:
        """IFS project to Procore id, by the numbers the cast gives them."""
        by_number = {row["project_number"]: row["id"] for row in self.procore.projects()}
        return {site.project_id: by_number[site.procore_number] for site in SITES if site.procore_number in by_number}

    # what should be there -------------------------------------------------------------------------------------

    def wanted(self, held: Collection[str] = (), states: Collection[str] = _SENT) -> dict[Where, tuple[Paper, str]]:
        """Every contract that orders in those states explain, with its supplier; `held` orders are left out."""
        lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for line in self.ifs.lines():
            lines[line["OrderNo"]].append(line)
        found: dict[Where, tuple[Paper, str]] = {}
        for order in self.ifs.orders():
            number, state = order["OrderNo"], order["Objstate"]
            if number in held or state not in states:
                continue
            by_project: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for line in lines[number]:
                by_project[line["ProjectId"]].append(line)
            for project, mine in by_project.items():
                paper = Paper(
                    self.status[state], order["CurrencyCode"], {self._name(line): self._of(line) for line in mine}
                )
                name = number if len(by_project) == 1 else f"{number}-{project}"
                found[(project, name)] = (paper, order["VendorNo"])
        return found

    def _name(self, line: dict[str, Any]) -> str:
        return f"{line['LineNo']}/{line['ReleaseNo']}"

    def _of(self, line: dict[str, Any]) -> Position:
        gone = line["Objstate"] == "Cancelled"
        kind = next(to for pattern, to in self._types if fnmatchcase(line["CodeA"], pattern))
        amount = Decimal(0) if gone else Decimal(str(line["NetAmtCurr"]))
        quantity = Decimal(0) if gone else Decimal(str(line["BuyQtyDue"]))
        return Position(f"{line['CodeB']}.{kind}", amount, quantity)

    # what is there --------------------------------------------------------------------------------------------

    def papers(self) -> Iterator[tuple[Where, Paper, dict[str, Any]]]:
        """Every contract in Procore, change orders that count added to its lines."""
        for project, target in self.project_ids.items():
            changes: dict[int, list[dict[str, Any]]] = defaultdict(list)
            for change in self.procore.change_orders(target):
                if change["status"] == "approved":
                    changes[change["contract_id"]].append(change)
            for order in self.procore.orders(target):
                yield (project, order["number"]), _paper(order, changes[order["id"]]), order

    def paper(self, number: str, project: str | None = None) -> Paper:
        """The one contract of that number."""
        found = [paper for where, paper, _ in self.papers() if where[1] == number and project in (None, where[0])]
        assert len(found) == 1, f"{len(found)} contracts are numbered {number}"
        return found[0]

    # the comparison -------------------------------------------------------------------------------------------

    def differences(self, held: Collection[str] = (), besides: Collection[str] = ()) -> list[str]:
        """Every way in which Procore is not what IFS says.

        `held`: orders a test knows to be held. `besides`: contract numbers it knows to be there for another reason.
        """
        return [*self._orders(set(held), set(besides)), *self._vendors(), *self._codes()]

    def _orders(self, held: set[str], besides: set[str]) -> Iterator[str]:
        wanted = self.wanted(held)
        ended = self.wanted(held, _ENDED)
        suppliers = self.ifs.suppliers()
        vendors = {row["id"]: row for row in self.procore.vendors()}
        there = Counter[Where]()
        once = Counter[str]()
        for where, paper, order in self.papers():
            once.update([origin for origin in _origins(order) if origin])
            if where[1] in besides or where[1].split("-")[0] in held:
                continue
            there[where] += 1
            found = wanted.get(where) or ended.get(where)
            if found is None:
                yield f"{where}: IFS does not explain it"
                continue
            should, supplier = found
            yield from _unlike(where, should, paper)
            if not _is(suppliers[supplier], vendors[order["vendor"]["id"]]):
                yield f"{where}: on vendor {vendors[order['vendor']['id']]['name']}, IFS has {supplier}"
        yield from (f"{where}: is not there" for where in wanted if not there[where])
        yield from (f"{where}: is there {number} times" for where, number in there.items() if number > 1)
        yield from (f"origin id {origin} is there {number} times" for origin, number in once.items() if number > 1)

    def _vendors(self) -> Iterator[str]:
        suppliers = self.ifs.suppliers()
        rows = self.procore.vendors()
        yield from _twice("vendor name", (row["name"].casefold() for row in rows))
        yield from _twice("vendor origin id", (row["origin_id"] for row in rows if row["origin_id"]))
        yield from _twice("EIN", (_ein(row) for row in rows if _ein(row)))
        for row in rows:
            if row["id"] not in self._vendors_before and not any(_is(one, row) for one in suppliers.values()):
                yield f"vendor {row['name']}: no supplier explains it"

    def _codes(self) -> Iterator[str]:
        used: dict[str, set[str]] = defaultdict(set)
        for line in self.ifs.lines():
            used[line["ProjectId"]].add(self._of(line).code)
        for project, target in self.project_ids.items():
            codes = [row["full_code"] for row in self.procore.cost_codes(target)]
            flats = [row["flat_code"] for row in self.procore.wbs_codes(target)]
            yield from _twice(f"cost code of {project}", codes)
            yield from _twice(f"budget code of {project}", flats)
            cost = {flat.rpartition(".")[0] for flat in used[project]}
            parents = {code.partition("-")[0] for code in cost}
            strange = set(codes) - self._codes_before[project] - cost - parents
            yield from (f"cost code {code} of {project}: no order uses it" for code in sorted(strange))
            strange = set(flats) - self._budget_before[project] - used[project]
            yield from (f"budget code {flat} of {project}: no order uses it" for flat in sorted(strange))


def _paper(order: dict[str, Any], changes: list[dict[str, Any]]) -> Paper:
    lines: dict[str, Position] = {}
    names: dict[int, str] = {}
    for line in order["line_items"]:
        name = "/".join((line["origin_id"] or f"unmarked/{line['id']}").split("/")[-2:])
        names[line["id"]] = name
        lines[name] = Position(line["wbs_code"]["flat_code"], Decimal(line["amount"]), Decimal(line["quantity"] or 1))
    for change in changes:
        for line in change["lines"]:
            marked = _MARK.search(line["description"] or "")
            linked = line["commitment_line_item_id"]
            name = marked[1] if marked else names.get(int(linked), "?") if linked else f"change {line['id']}"
            before = lines.get(name)
            code = line["wbs_code"]["flat_code"]
            amount = Decimal(line["amount"]) + (before.amount if before else 0)
            lines[name] = Position(code, amount, None)
    currency = order["currency_configuration"]["currency_iso_code"]
    return Paper(order["status"], currency, lines, order["id"], Decimal(order["grand_total"]), len(changes))


def _origins(order: dict[str, Any]) -> list[str | None]:
    return [order["origin_id"], *(line["origin_id"] for line in order["line_items"])]


def _unlike(where: Where, should: Paper, paper: Paper) -> Iterator[str]:
    for name in ("status", "currency"):
        if getattr(should, name) != getattr(paper, name):
            yield f"{where}: {name} is {getattr(paper, name)}, should be {getattr(should, name)}"
    for line in sorted({*should.lines, *paper.lines}):
        ours, theirs = should.lines.get(line), paper.lines.get(line)
        if ours is None:
            yield f"{where} line {line}: IFS does not explain it"
        elif theirs is None:
            if ours.amount:
                yield f"{where} line {line}: is not there"
        elif (ours.code, ours.amount) != (theirs.code, theirs.amount):
            yield f"{where} line {line}: is {theirs.code} {theirs.amount}, should be {ours.code} {ours.amount}"
        elif theirs.quantity is not None and theirs.quantity != ours.quantity:
            yield f"{where} line {line}: quantity is {theirs.quantity}, should be {ours.quantity}"


def _ein(row: dict[str, Any]) -> str:
    register = row["business_register"] or {}
    return re.sub(r"\D", "", register.get("identifier") or "")


def _is(supplier: dict[str, Any], vendor: dict[str, Any]) -> bool:
    """Whether a vendor is that supplier: by name, by EIN, or by the spelling the cast is known for."""
    ein = re.sub(r"\D", "", supplier["AssociationNo"] or "")
    same_ein = supplier["Country"] == "US" and bool(ein) and ein == _ein(vendor)
    known = _SPELLED_ANOTHER_WAY.get(supplier["SupplierId"])
    return vendor["name"] == supplier["Name"] or same_ein or vendor["name"] == known


def _twice(what: str, names: Any) -> Iterator[str]:
    yield from (f"{what} {name} is there {number} times" for name, number in Counter(names).items() if number > 1)
