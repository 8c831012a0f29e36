"""A record that goes round in circles is stopped and reported."""

from __future__ import annotations

from .office import Office
from .test_changes import ORDER
from .test_people_in_procore import header


def test_a_contract_changed_back_each_time_is_restored_three_times_then_a_person_is_asked(unapproved: Office) -> None:
    unapproved.policy(purchase_orders={"drift": "restore"})
    unapproved.sync()
    ours = header(unapproved)["title"]
    for lap in range(3):
        unapproved.procore("edit_order", order_number=ORDER, title=f"Another integration, lap {lap}")
        unapproved.sync()
        assert header(unapproved)["title"] == ours
    unapproved.procore("edit_order", order_number=ORDER, title="Another integration, lap 4")
    assert unapproved.sent_by_sync() == []
    hold = unapproved.hold("lapping")
    assert (hold["erp_id"], hold["owner"]) == (ORDER, "integration engineer")
    unapproved.app.rule("demo", hold["id"], "erp")
    unapproved.sync()
    assert header(unapproved)["title"] == ours
    assert unapproved.holds("lapping") == []


def test_a_change_in_ifs_ends_the_count(unapproved: Office) -> None:
    unapproved.policy(purchase_orders={"drift": "restore"})
    for lap in range(5):
        unapproved.procore("edit_order", order_number=ORDER, title=f"Lap {lap}")
        unapproved.price(ORDER, "1", f"1{lap}.50")
        unapproved.sync()
    assert unapproved.holds("lapping") == []
    unapproved.assert_proven()
