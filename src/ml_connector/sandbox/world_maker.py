"""Puts the whole simulated company together from a seed and a number of orders, the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from ml_connector.sandbox import cast
from ml_connector.sandbox.cast import TROUBLES
from ml_connector.sandbox.world import (
    Activity,
    CodeValue,
    Estimate,
    Order,
    ProcoreOrder,
    ProcoreVendor,
    Supplier,
    World,
)
from ml_connector.sandbox.world_catalogue import CATALOGUE, Item
from ml_connector.sandbox.world_orders import STANDARD_ORDERS, Ground, make_orders

_EIN_PREFIXES = ("20", "26", "27", "36", "38", "39", "41", "42", "45", "46", "47", "81", "82", "83")
_AREA_CODES = {"IL": "309", "WI": "262", "MN": "218", "IN": "219", "IA": "563", "ND": "701", "OH": "216", "ON": "905"}
_ALWAYS, _FOR_EVER = date(2020, 1, 1), date(2049, 12, 31)
_NAMES_OF_CODES = dict(cast.COST_CODES)
_TYPE_OF_ACCOUNT = {account: cost_type for cost_type, account in cast.ACCOUNT_OF_TYPE.items()}
_CODES_USED_PER_SITE = 24
_CODES_IN_PROCORE_PER_SITE = 21
_ENOUGH = 2000
"""A line that is estimated anew comes to at least this much, so that something is left of it."""

Pair = tuple[str, str, str]
"""(project id, cost code, cost type)."""


def make_world(seed: int = 7, orders: int = STANDARD_ORDERS) -> World:
    """The cast with that many orders (at least 24, else ValueError); equal arguments give equal worlds."""
    rng = random.Random(seed)  # noqa: S311 - a seeded story, no secret
    suppliers = _suppliers(rng)
    activities = _activities()
    ground = _ground(rng, suppliers, activities)
    made = make_orders(rng, ground, orders)
    typed = _typed_order(made, suppliers)
    used = _used_pairs(made)
    known = _known_codes(rng, used, typed)
    budget = _budget(rng, used, known, made)
    return World(
        seed=seed,
        company=cast.COMPANY,
        company_name=cast.COMPANY_NAME,
        base_currency="USD",
        procore_company_id=cast.PROCORE_COMPANY_ID,
        procore_company_name=cast.PROCORE_COMPANY_NAME,
        sites=cast.SITES,
        activities=activities,
        code_values=_code_values(),
        suppliers=suppliers,
        vendors=_vendors(rng, suppliers),
        orders=made,
        typed_orders=(typed,),
        cost_codes=tuple((project, code, _NAMES_OF_CODES[code]) for project, code in sorted(known)),
        cost_types=cast.COST_TYPES,
        budget=budget,
        estimates=_estimates(budget, made, known),
    )


def _suppliers(rng: random.Random) -> tuple[Supplier, ...]:
    serials = rng.sample(range(1_000_000, 9_999_999), len(cast.FIRMS))
    return tuple(_supplier(rng, index, firm, serials[index]) for index, firm in enumerate(cast.FIRMS))


def _supplier(rng: random.Random, index: int, firm: cast.Firm, serial: int) -> Supplier:
    ein = f"{rng.choice(_EIN_PREFIXES)}-{serial}"
    foreign = {"DE": f"HRB {serial % 90000 + 10000}", "CA": f"{serial * 97 % 900000000 + 100000000}RC0001"}
    domain = "".join(ch for ch in firm.name.split(",")[0].lower() if ch.isalnum())
    phone = "+49 203 5550114" if firm.country == "DE" else f"({_AREA_CODES[firm.state or 'IL']}) 555-01{index:02d}"
    return Supplier(
        supplier_id=f"S{1001 + index}",
        name=firm.name,
        association_no=foreign.get(firm.country) or (ein if firm.ein else None),
        country=firm.country,
        address1=firm.address,
        city=firm.city,
        state=firm.state,
        zip_code=firm.zip_code,
        email=f"orders@{domain}.example",
        phone=phone,
        currency="EUR" if firm.country == "DE" else "USD",
        pay_term=rng.choice(("30", "30", "45", "10")),
        purchase_data=firm.trade != "none",
    )


def _activities() -> tuple[Activity, ...]:
    """Eight activities a project, with sequence numbers unique over all projects."""
    return tuple(
        Activity(100000 + 100 * (site_index + 1) + index, site.project_id, "1", number, text, state)
        for site_index, site in enumerate(cast.SITES)
        for index, (number, text, state) in enumerate(cast.ACTIVITIES, start=1)
    )


def _ground(rng: random.Random, suppliers: Sequence[Supplier], activities: Iterable[Activity]) -> Ground:
    released: dict[str, list[Activity]] = {}
    for activity in activities:
        if activity.state == "Released":
            released.setdefault(activity.project_id, []).append(activity)
    return Ground(
        suppliers={supplier.supplier_id: supplier for supplier in suppliers},
        trades={
            f"S{1001 + index}": "" if firm.trade == "none" else firm.trade for index, firm in enumerate(cast.FIRMS)
        },
        sites=cast.SITES,
        activities=released,
        items=_items_per_site(rng),
    )


def _items_per_site(rng: random.Random) -> Mapping[tuple[str, str], Sequence[Item]]:
    """What may be ordered where: each site uses its own selection of cost codes, so that some stay unused there."""
    items: dict[tuple[str, str], Sequence[Item]] = {}
    codes = sorted({item.code for offer in CATALOGUE.values() for item in offer})
    for index, site in enumerate(cast.SITES):
        # The first site carries the known troubles, so every trade must find work there.
        chosen = {_first_code(offer) for offer in CATALOGUE.values()} if index == 0 else set()
        rest = [code for code in codes if code not in chosen]
        chosen |= set(rng.sample(rest, _CODES_USED_PER_SITE - len(chosen)))
        for trade, offer in CATALOGUE.items():
            items[site.project_id, trade] = tuple(item for item in offer if item.code in chosen)
    return items


def _first_code(offer: Sequence[Item]) -> str:
    return offer[0].code


def _code_values() -> tuple[CodeValue, ...]:
    """Values of parts A to F. Part E holds the projects, which IFS only lets the project windows write."""
    expired = CodeValue("B", *cast.EXPIRED_COST_CODE, _ALWAYS, date(2025, 12, 31))
    projects = tuple((site.project_id, site.name) for site in cast.SITES)
    parts = (
        ("A", cast.ACCOUNTS),
        ("B", cast.COST_CODES),
        ("C", cast.COST_CENTRES),
        ("D", cast.EQUIPMENT_CLASSES),
        ("E", projects),
        ("F", cast.OBJECTS),
    )
    made = tuple(CodeValue(part, value, text, _ALWAYS, _FOR_EVER) for part, values in parts for value, text in values)
    return (*made, expired)


def _vendors(rng: random.Random, suppliers: Sequence[Supplier]) -> tuple[ProcoreVendor, ...]:
    """The Procore directory at the start: some suppliers, the two known troubles, and firms IFS never heard of."""
    by_name = {supplier.name: supplier for supplier in suppliers}
    by_id = {supplier.supplier_id: supplier for supplier in suppliers}
    spelled = by_id[TROUBLES["vendor_two_spellings"].supplier_id or ""]
    unlinked = by_id[TROUBLES["vendor_same_ein"].supplier_id or ""]
    known = [_vendor(by_name[name], name) for name in cast.KNOWN_BY_EIN]
    known.append(_vendor(unlinked, "Sentinel Coatings"))
    known.append(ProcoreVendor("HOLLIS AND WEBB CONCRETE INCORPORATED", None, spelled.city, spelled.state, "US"))
    others = [
        ProcoreVendor(name, f"9{index % 5}{rng.randint(1_000_000, 9_999_999)}", city, state, "US")
        for index, (name, city, state) in enumerate(cast.UNRELATED_VENDORS)
    ]
    return tuple(sorted((*known, *others), key=lambda vendor: vendor.name))


def _vendor(supplier: Supplier, name: str) -> ProcoreVendor:
    """A supplier as somebody typed it into Procore: the EIN without its dash (Procore ignores it)."""
    ein = supplier.association_no.replace("-", "") if supplier.association_no else None
    return ProcoreVendor(name, ein, supplier.city, supplier.state, supplier.country)


def _typed_order(orders: Sequence[Order], suppliers: Sequence[Supplier]) -> ProcoreOrder:
    """The order a person typed into Procore, line by line as IFS has it."""
    trouble = TROUBLES["order_typed_by_hand"]
    order = next(order for order in orders if order.order_no == trouble.order_no)
    supplier = next(supplier for supplier in suppliers if supplier.supplier_id == order.supplier_id)
    lines = tuple(
        (*_code_and_type(line.codes), line.description, line.quantity, line.unit_price) for line in order.lines
    )
    project = order.lines[0].project_id
    return ProcoreOrder(
        project, order.order_no, f"{supplier.name} - typed by site office", supplier.name, "Draft", lines
    )


def _code_and_type(codes: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    values = dict(codes)
    return values["B"], _TYPE_OF_ACCOUNT[values["A"]]


def _used_pairs(orders: Iterable[Order]) -> list[Pair]:
    """Each cost code and type some line of a project uses, in order; the unknown code is left out."""
    pairs = {(line.project_id, *_code_and_type(line.codes)) for order in orders for line in order.lines}
    return sorted(pair for pair in pairs if pair[1] != cast.UNKNOWN_COST_CODE)


def _known_codes(rng: random.Random, used: Sequence[Pair], typed: ProcoreOrder) -> set[tuple[str, str]]:
    """The cost codes each Procore project already has: about half of all, most of those its orders use."""
    known = {(typed.project_id, line[0]) for line in typed.lines}
    for site in cast.SITES:
        mine = sorted({code for project, code, _ in used if project == site.project_id})
        others = sorted(set(_NAMES_OF_CODES) - set(mine))
        kept = rng.sample(mine, len(mine) * 6 // 7)
        spare = rng.sample(others, max(0, min(len(others), _CODES_IN_PROCORE_PER_SITE - len(kept))))
        known |= {(site.project_id, code) for code in (*kept, *spare)}
    return known


def _budget(
    rng: random.Random, used: Sequence[Pair], known: set[tuple[str, str]], orders: Iterable[Order]
) -> tuple[tuple[str, str, str, Decimal], ...]:
    """Original budgets for about four fifths of the used pairs: what is ordered and a fifth more, in whole hundreds."""
    ordered: dict[Pair, Decimal] = {}
    for order in orders:
        for line in order.lines:
            pair = (line.project_id, *_code_and_type(line.codes))
            ordered[pair] = ordered.get(pair, Decimal(0)) + line.quantity * line.unit_price
    possible = [pair for pair in used if pair[:2] in known]
    chosen = sorted(rng.sample(possible, min(len(possible), round(len(used) * 0.8))))
    return tuple((*pair, _whole_hundreds(ordered[pair] * Decimal("1.2"))) for pair in chosen)


def _estimates(
    budget: Sequence[tuple[str, str, str, Decimal]], orders: Iterable[Order], known: set[tuple[str, str]]
) -> tuple[Estimate, ...]:
    """Estimates that come to the budgets, but for the projects of `cast.ESTIMATE_STORY`; no chance is drawn on.

    A code that is ordered on several activities is estimated on the first two of them, three fifths on the first.
    """
    raised, wider = cast.ESTIMATE_STORY
    activities: dict[Pair, set[int]] = {}
    for order in orders:
        for line in order.lines:
            pair = (line.project_id, *_code_and_type(line.codes))
            activities.setdefault(pair, set()).add(line.activity_seq)
    amounts = {(project, code, kind): amount for project, code, kind, amount in budget}
    ours = [pair for pair, amount in amounts.items() if pair[0] == raised and amount >= _ENOUGH]
    for pair, change in zip(ours, cast.ESTIMATED_ANEW, strict=False):
        amounts[pair] += change
    lacked = [pair for pair in sorted(activities) if pair[0] == wider and pair[1] in _NAMES_OF_CODES]
    amounts |= dict.fromkeys([pair for pair in lacked if pair[:2] not in known][:1], Decimal("24500.00"))
    found: list[Estimate] = []
    for (project, code, kind), amount in sorted(amounts.items()):
        first, *rest = sorted(activities[project, code, kind])[:2]
        part = _whole_hundreds(amount * Decimal("0.6")) if rest else amount
        found.append(Estimate(project, first, f"{code}-{kind}", part))
        found += [Estimate(project, other, f"{code}-{kind}", amount - part) for other in rest]
    return tuple(found)


def _whole_hundreds(amount: Decimal) -> Decimal:
    return (amount / 100).quantize(Decimal(1), ROUND_HALF_UP) * 100 + Decimal("0.00")
