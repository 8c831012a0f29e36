"""The vendor of a contract follows the supplier of its order, as long as Procore lets it."""

from __future__ import annotations

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.situation import Linked

from .scene import Procore, order, policies, verbs

OPEN = policies(status={"released": "Submitted"})


def with_another_vendor(procore: Procore) -> None:
    """Supplier S200 is linked to Procore's vendor 88."""
    links = {**procore.situation.links, Key("vendor", "S200"): Linked("88")}
    procore.situation = msgspec.structs.replace(procore.situation, links=links)


def test_an_order_moved_to_another_supplier_takes_its_open_contract_along() -> None:
    procore = Procore(policies=OPEN)
    procore.sync(order())
    with_another_vendor(procore)
    decision = procore.sync(order(vendor="S200"))
    assert verbs(decision.intents) == ["update"]
    assert "vendor" in decision.intents[0].reason
    assert procore.contracts["c1"].vendor == "88"
    assert procore.sync(order(vendor="S200")).intents == ()


def test_the_vendor_of_an_approved_contract_is_frozen_so_a_person_must_act() -> None:
    procore = Procore()
    procore.sync(order())
    with_another_vendor(procore)
    decision = procore.decide(order(vendor="S200"))
    (hold,) = decision.holds
    assert decision.intents == ()
    assert (hold.reason, hold.owner) == (HoldReason.VENDOR_FROZEN, "buyer")
    assert "S200" in hold.sentence


def test_a_vendor_changed_in_procore_is_asked_about() -> None:
    procore = Procore(policies=OPEN)
    procore.sync(order())
    with_another_vendor(procore)
    procore.edit("c1", vendor="88")
    (hold,) = procore.decide(order()).holds
    assert hold.reason is HoldReason.CHANGED_THERE
    assert "vendor" in hold.sentence
    procore.rule(hold, "erp")
    procore.sync(order())
    assert procore.contracts["c1"].vendor == "77"
