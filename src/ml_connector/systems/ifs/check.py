"""Whether this tenant is what the profile says: every name, every right, one read of each set; how much is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from decimal import Decimal
from difflib import get_close_matches

import msgspec

from ml_connector.kernel.errors import FixSetup, NameMissing, RightMissing
from ml_connector.kernel.money import rounded
from ml_connector.kernel.text import counted
from ml_connector.records.problem import Reject
from ml_connector.systems.finding import Finding
from ml_connector.systems.ifs.book_reading import of_part
from ml_connector.systems.ifs.company import company_reading
from ml_connector.systems.ifs.finance_profile import BACK, FLOWS, WITHOUT, WRITE_SETS
from ml_connector.systems.ifs.metadata import Metadata, metadata_of
from ml_connector.systems.ifs.odata import Odata, Reading, after
from ml_connector.systems.ifs.project import of_company
from ml_connector.systems.ifs.purchase_order import expected_amount
from ml_connector.systems.ifs.rows import Row
from ml_connector.systems.ifs.set_profile import SetProfile
from ml_connector.systems.ifs.system import IfsSystem
from ml_connector.systems.ifs.user import signed_in_as

_CATALOGUE = SetProfile("AllProjections", "Projections", ("id",), {"id": "ProjectionName"})
_NAVS = {"order": "line_navs", "supplier": "supplier_navs"}
"""Where the profile names what stands below a row of that kind."""
_SAMPLE = 20
_NEAR = Decimal("0.02")
"""Amounts may differ by rounding: a price per hundred, a discount in more decimals."""


def check(system: IfsSystem) -> list[Finding]:
    """Looks at everything a run needs; stops early only when nobody lets us in. Raises nothing of FixSetup."""
    first = _signs_in(system)
    if not first.ok:
        return [first]
    catalogue = _catalogue(system)
    findings = [first, _catalogue_finding(catalogue)]
    for word, where in system.profile.sets().items():
        findings += _set(system, word, where, catalogue)
    findings.append(_company(system))
    for word, where in system.profile.finance_sets().items():
        found = _set(system, word, of_part(where, "B") if word == "budget_value" else where, catalogue)
        findings += _apart(found, WITHOUT[word], FLOWS.get(word, ()))
    for entry, where in system.profile.way_back_sets().items():  # read only: nothing is written to try it
        findings += _apart(_set(system, entry, where, catalogue), *_way_back(entry))
    if all(one.ok for one in findings):
        findings += [_supplier_details(system), _page_size(system), _amounts(system)]
    return findings


def discover(system: IfsSystem) -> dict[str, int | dict[str, int] | list[str]]:
    """How much is there: projects, activities, code part values by part, and open orders by state and by currency.

    `suppliers` are those that open orders name; the ids of those without purchase data are listed, because no new
    order can name them. `_refused` counts rows that cannot be used. Periods are those of accounting years that are
    open, as they stand in the ledger; none where the service user may not see them. Reads every open order header,
    and no lines.
    """
    projects, refused = system.projects()
    activities, refused_activities = system.activities()
    codes, refused_codes = system.dimensions()
    states: Counter[str] = Counter()
    currencies: Counter[str] = Counter()
    suppliers: set[str] = set()
    for raw in system.odata.rows(system.order_reading().open_headers()):
        try:
            row = Row(raw, system.profile.order)
            states[row.text("state")] += 1
            currencies[row.text("currency")] += 1
            suppliers.add(row.required("vendor"))
        except Reject:
            states["unreadable"] += 1
    bare, periods = system.supplier_reading().without_purchase_data(suppliers), system.periods()
    return {
        "projects": len(projects),
        "projects_refused": len(refused),
        "activities": len(activities),
        "activities_refused": len(refused_activities),
        "codes": dict(Counter(one.part for one in codes)),
        "codes_refused": len(refused_codes),
        "orders": dict(states),
        "currencies": dict(currencies),
        "open_periods": [f"{one.year}-{one.period:02d}" for one in periods if one.open],
        "closed_periods": [f"{one.year}-{one.period:02d}" for one in periods if not one.open],
        "suppliers": len(suppliers),
        "suppliers_without_purchase_data": bare,
    }


def _signs_in(system: IfsSystem) -> Finding:
    try:
        user = signed_in_as(system.odata)
    except FixSetup as error:
        return _bad("sign-in", error)
    return Finding("sign-in", True, f"Signed in as {user}." if user else "Signed in; the tenant does not tell as whom.")


def _catalogue(system: IfsSystem) -> frozenset[str] | None:
    """Names of all projections of the tenant; None when it does not tell."""
    names: set[str] = set()
    try:
        for page in system.odata.pages(system.odata.reading(_CATALOGUE, "list projections")):
            names.update(str(key[0]) for key in page.keys)
    except FixSetup:
        return None
    return frozenset(names)


def _catalogue_finding(catalogue: frozenset[str] | None) -> Finding:
    if catalogue is None:
        return Finding("catalogue", True, "The tenant does not list its projections to us; each is tried by itself.")
    return Finding("catalogue", True, f"The tenant lists {counted(len(catalogue), 'projection')}.")


def _set(system: IfsSystem, word: str, where: SetProfile, catalogue: frozenset[str] | None) -> list[Finding]:
    """Names of one set, then one read of it."""
    if word == "account" and _accounts_listed(system):
        return []
    if word == "site" and system.profile.order.name("company"):
        return []
    names = f"names of {word}"
    try:
        data = _metadata(system.odata, where)
    except FixSetup as error:
        found = _bad(names, error, where)
        others = [] if isinstance(error, RightMissing) else _others(where, catalogue)
        if others:
            remedy = f"This tenant has {', '.join(others)}: name it in [erp.profile.{word}] for {where.projection}."
            return [msgspec.structs.replace(found, remedy=remedy)]
        return [found]
    missing = _missing(system, word, where, data)
    if missing:
        navs = f" or [erp.profile.{_NAVS[word]}]" if word in _NAVS else ""
        remedy = f"Mend [erp.profile.{word}]{navs}: {_offer(where, missing, data, catalogue)}"
        return [Finding(names, False, f"{where.projection}/{where.entity_set} has no {', '.join(missing)}.", remedy)]
    good = Finding(names, True, f"{where.projection}/{where.entity_set} has every name we use.")
    return [good, *_states(system, word, where, data), _read(system, word, where)]


def _apart(found: list[Finding], clause: str, flows: tuple[str, ...]) -> list[Finding]:
    """Findings about what only the flows of money need: a bad one stops `flows` and no others, so the check passes, and
    `clause` says what cannot be done."""
    return [
        one if one.ok else msgspec.structs.replace(one, ok=True, sentence=f"{one.sentence} {clause}.", flows=flows)
        for one in found
    ]


def _way_back(entry: str) -> tuple[str, tuple[str, ...]]:
    """What cannot be done without one of the sets vouchers and requisitions are entered in, and the flows it stops."""
    flows = BACK if entry.startswith("vouchers.") else WRITE_SETS[entry.partition(".")[2]]
    return f"Without it the flow{'s' * (len(flows) > 1)} {' and '.join(flows)} cannot run", flows


def _accounts_listed(system: IfsSystem) -> bool:
    """Whether the set of all code part values holds accounts, so that their own set is never read."""
    where = system.profile.dimension
    try:
        condition = f"{of_company(where, system.settings.company)} and {where.name('part')} eq 'A'"
        return bool(_few(system).fetch(system.odata.reading(where, "read accounts", condition)).rows)
    except FixSetup:
        return False


def _metadata(odata: Odata, where: SetProfile) -> Metadata:
    what = f"describe {where.projection}"
    url = odata.service(where.projection, where.service) + "$metadata"
    return metadata_of(odata.get(url, what, {"accept": "application/xml"}), what)


def _missing(system: IfsSystem, word: str, where: SetProfile, data: Metadata) -> list[str]:
    if where.entity_set not in data.sets:
        return [where.entity_set]
    navs = data.navigations[where.entity_set]
    if where.nav:  # what stands below a row shows its names only when it is read
        missing = [name for name in where.above.values() if name not in data.sets[where.entity_set]]
        return missing + [name for name in (where.nav,) if name not in navs]
    missing = [name for name in where.select() if name not in data.sets[where.entity_set]]
    if word == "order" and system.profile.order_lines == "three_collections":
        missing += [name for name in system.profile.line_navs.values() if name and name not in navs]
    if word == "supplier":
        below = (system.profile.supplier_navs.get(one) for one in ("addresses", "purchases", "invoices"))
        missing += [name for name in below if name and name not in navs]
    filtered = word != "invoice" and system.profile.state_filter == "server"
    if where.state_enum and filtered and where.state_enum not in data.enums:
        missing.append(where.state_enum)
    return missing


def _offer(where: SetProfile, missing: list[str], data: Metadata, catalogue: frozenset[str] | None) -> str:
    if where.entity_set in data.sets:
        there = data.sets[where.entity_set] | data.navigations[where.entity_set]
        near = dict.fromkeys(one for name in missing for one in _near(name, there))
        hint = f"the set has {', '.join(near)}; " if near else ""
        return f"{hint}an empty name switches off what is not needed."
    others = _others(where, catalogue)
    also = f"; elsewhere there is {', '.join(others)}" if others else ""
    return f"the projection has the sets {', '.join(sorted(data.sets)) or 'none'}{also}."


def _near(name: str, there: Collection[str]) -> list[str]:
    """Names that look like `name`, those within it or around it first (Name for SupplierName)."""
    inner = [one for one in sorted(there) if len(one) > 3 and (one in name or name in one)]
    return [*inner[:3], *get_close_matches(name, sorted(there), 3, 0.6)]


def _others(where: SetProfile, catalogue: frozenset[str] | None) -> list[str]:
    return [one for one in where.candidates if catalogue is not None and one.partition("/")[0] in catalogue]


def _states(system: IfsSystem, word: str, where: SetProfile, data: Metadata) -> list[Finding]:
    members = data.enums.get(where.state_enum)
    if not where.state_enum or members is None or word == "budget_value":
        return []
    table = "invoice_states" if word == "invoice" else "order_states"
    known = system.profile.invoice_states if word == "invoice" else system.profile.order_states
    name = f"states of {word}"
    new = sorted(members - known.keys())
    if new:
        remedy = f"Say in [erp.profile.{table}] what each of them means."
        return [Finding(name, False, f"The tenant has states we do not know: {', '.join(new)}.", remedy)]
    return [Finding(name, True, f"All {counted(len(members), 'state')} are known.")]


def _read(system: IfsSystem, word: str, where: SetProfile) -> Finding:
    """One row of a set, read as a run would read it."""
    name, what = f"read {word}", f"read {where.entity_set}"
    condition = of_company(where, system.settings.company)
    try:
        if word == "order":
            reading = system.order_reading().open_headers()
        elif where.nav:
            names = tuple(where.above.values())
            reading = Reading(system.odata.address(where), what, names, names)
        else:
            reading = system.odata.reading(where, what, condition)
        rows = _few(system).fetch(reading).rows
    except FixSetup as error:
        if word == "order" and isinstance(error, NameMissing) and system.profile.state_filter == "server":
            return Finding(name, False, error.sentence, 'Try state_filter = "client" in [erp.profile].')
        return _bad(name, error, where)
    if rows:
        return Finding(name, True, f"{where.entity_set} can be read.")
    sentence = f"{where.entity_set} can be read, but holds nothing we may see."
    return Finding(name, True, sentence, f"If IFS does hold some: {_grant(where)}")


def _few(system: IfsSystem, rows: int = 1) -> Odata:
    return Odata(system.odata.call, system.settings.url, system.settings.channel, rows)


def _company(system: IfsSystem) -> Finding:
    where, company = system.profile.company, system.settings.company
    remedy = (
        f"Check erp_company, and the company access of the service user in IFS, which {where.projection} lists; its "
        "permission set must grant that projection."
    )
    try:
        rows = list(system.odata.rows(company_reading(system.odata, where, company, "read the company")))
        row = Row(rows[0], where) if rows else None
    except FixSetup as error:
        return _bad("company", error, where)
    if row is None:
        return Finding("company", False, f"The service user sees no company {company!r}.", remedy)
    return Finding(
        "company", True, f"Company {company}, {row.text('name')}, keeps its books in {row.text('currency')}."
    )


def _supplier_details(system: IfsSystem) -> Finding:
    """One supplier read with its details, as a run reads it; tries batches along the way."""
    where, name = system.profile.supplier, "supplier details"
    try:
        keys = _few(system).fetch(system.odata.reading(where, "read suppliers")).keys
        found = system.supplier_reading().vendors([str(key[0]) for key in keys[:1]], lambda _ids: {}, 1)
    except FixSetup as error:
        return _bad(name, error, where)
    if found.problems:
        remedy = (
            f"Compare [erp.profile.supplier_navs] with the $metadata of {where.projection}, and see that the "
            "permission set of the service user grants all of that projection."
        )
        return Finding(name, False, found.problems[0].sentence, remedy)
    if not keys:
        return Finding(name, True, "There is no supplier to look at.")
    if system.batch.works:
        most = counted(system.profile.batch_parts, "read")
        return Finding(name, True, f"Suppliers' details can be read, up to {most} in one batch.")
    why = "batches are switched off" if not system.profile.batch_parts else "the tenant takes no batch of reads"
    return Finding(name, True, f"Suppliers' details can be read, each by itself: {why}.")


def _page_size(system: IfsSystem) -> Finding:
    """Whether the tenant gives as many rows as we ask for: some cut a page and say nothing."""
    where, size = system.profile.order_line, system.profile.page_size
    keys = tuple(where.name(word) for word in where.keys)
    reading = Reading(system.odata.address(where), "read a whole page", keys, keys)
    page = system.odata.fetch(reading)
    if len(page.rows) >= size or not page.rows:
        return Finding("page size", True, f"Pages of {size} rows come whole.")
    if not system.odata.fetch(reading, after(reading, page.keys[-1])).rows:
        return Finding("page size", True, f"Pages of {size} rows come whole.")
    remedy = f"Set page_size = {len(page.rows)} in [erp.profile]."
    return Finding(
        "page size", False, f"Asked for {size} rows, the tenant gives {len(page.rows)} and there are more.", remedy
    )


def _amounts(system: IfsSystem) -> Finding:
    """For information: whether line amounts are what quantity, price and discount make, in the order's currency."""
    page = _few(system, _SAMPLE).fetch(system.order_reading().open_headers())
    orders = system.orders_by_id([str(key[0]) for key in page.keys]).orders
    lines = [(order.currency, line) for order in orders for line in order.lines]
    off = sum(abs(rounded(expected_amount(line), currency) - line.amount) > _NEAR for currency, line in lines)
    if not off:
        return Finding(
            "amounts", True, f"{counted(len(lines), 'line')} looked at: each amount is quantity times price."
        )
    return Finding(
        "amounts",
        True,
        f"{off} of {counted(len(lines), 'line')} looked at have an amount that is not quantity times price less "
        "discount; the amount IFS states is used.",
    )


def _bad(name: str, error: FixSetup, where: SetProfile | None = None) -> Finding:
    """A bad finding; where a right or a name is missing, its remedy says which projection it is about."""
    if where is None or not isinstance(error, (RightMissing, NameMissing)):
        return Finding(name, False, str(error), error.remedy)
    sentence = str(error) if where.projection in str(error) else f"{where.projection}: {error}"
    if isinstance(error, RightMissing):
        return Finding(name, False, sentence, _sentence(_grant(where)))
    active = ", and that this entity service is activated in IFS" if where.service == "entity" else ""
    remedy = f"See that the tenant has {where.projection}/{where.entity_set} as the profile names it{active}."
    return Finding(name, False, sentence, remedy)


def _grant(where: SetProfile) -> str:
    """What an IFS administrator does to let us see a set (facts/ifs.md 2), to be put into a sentence."""
    kind = "entity service" if where.service == "entity" else "projection"
    return (
        f"grant the {kind} {where.projection} to a permission set of the service user in IFS, and check its company, "
        "site and user group access."
    )


def _sentence(clause: str) -> str:
    return clause[:1].upper() + clause[1:]
