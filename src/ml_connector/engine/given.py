"""The part of a situation that one decision may look at, in a form that can be kept: its mapping is chosen anew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date

import msgspec

from ml_connector.kernel.keys import Key, once_key
from ml_connector.planning.committing import contract_keys
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.policy import Policies
from ml_connector.planning.situation import Linked, Ruling, Situation
from ml_connector.records.purchase_order import PurchaseOrder


class Given(msgspec.Struct, frozen=True):
    """A situation without its mapping, which replay may choose anew."""

    company: str
    today: date
    go_live: date | None
    policies: Policies
    links: list[tuple[Key, Linked]]
    rulings: list[tuple[Key, HoldReason, Ruling]]
    coming: list[Key]
    touched: list[str]
    laps: dict[str, int]
    hidden: list[str] = []

    def situation(self, mapper: Mapper) -> Situation:
        """The situation these facts make with a mapping."""
        return Situation(
            company=self.company,
            today=self.today,
            go_live=self.go_live,
            policies=self.policies,
            mapper=mapper,
            links=dict(self.links),
            rulings={(key, reason): ruling for key, reason, ruling in self.rulings},
            coming=frozenset(self.coming),
            touched=frozenset(self.touched),
            laps=self.laps,
            hidden=frozenset(self.hidden),
        )


def given_of(situation: Situation, matters: Callable[[Key], bool]) -> Given:
    """The part of a situation that matters to one decision."""
    return Given(
        company=situation.company,
        today=situation.today,
        go_live=situation.go_live,
        policies=situation.policies,
        links=sorted(((key, link) for key, link in situation.links.items() if matters(key)), key=lambda pair: pair[0]),
        rulings=sorted(
            ((key, reason, ruling) for (key, reason), ruling in situation.rulings.items()),
            key=lambda entry: (entry[0], entry[1].value),
        ),
        coming=sorted(situation.coming),
        touched=sorted(situation.touched),
        laps=dict(sorted(situation.laps.items())),
        hidden=sorted(situation.hidden),
    )


def given_for_kinds(situation: Situation, *kinds: str) -> Given:
    """What matters to a decision about records of some kinds."""
    return given_of(situation, lambda key: key.kind in kinds)


def given_for_orders(situation: Situation, orders: Sequence[PurchaseOrder], linked: Mapping[Key, Linked]) -> Given:
    """What matters to a page of orders; `linked` holds their contracts with the records last agreed on."""
    kinds = ("project", "vendor", "budget_code", "purchase_requisition", "commitment_line")
    contracts = contract_keys(situation.links, orders)
    ours = {once_key(situation.company, "order", *key.id.rsplit("@", 1)) for key in contracts}

    def matters(key: Key) -> bool:
        return key.kind in kinds or (key.kind == "change_order" and key.id.rpartition("/R")[0] in ours)

    light = given_of(situation, matters)
    mine = [(key, linked.get(key, situation.links[key])) for key in sorted(contracts) if key in situation.links]
    plain = [(key, Linked(link.target)) for key, link in light.links]
    return msgspec.structs.replace(light, links=[*plain, *mine])


def given_for_documents(situation: Situation, masters: Collection[str], documents: Collection[Key]) -> Given:
    """What matters to a page of documents: links of the master kinds without their agreed records, and the documents'
    own links with them."""
    mine = set(documents)
    coming = frozenset(key for key in situation.coming if key.kind in masters or key in mine)
    lean = msgspec.structs.replace(situation, coming=coming, touched=frozenset(), laps={})
    light = given_of(lean, lambda key: key.kind in masters and key not in mine)
    plain = [(key, Linked(link.target)) for key, link in light.links]
    own = [(key, situation.links[key]) for key in sorted(mine) if key in situation.links]
    return msgspec.structs.replace(light, links=[*plain, *own])
