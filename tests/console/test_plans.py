"""Plans in a browser without scripts: what is approved is shown first, with its money; what fails says what to do."""

from __future__ import annotations

import html
import re
from decimal import Decimal

import pytest

from ml_connector.service import approving
from ml_connector.views import plans as views
from ml_connector.views.plans import PlanAsked, PlanPage

from .scene import Scene, until
from .test_home_and_runs import Person


@pytest.fixture(scope="module")
def plan(scene: Scene) -> PlanPage:
    """A plan that waits, with changes in two projects."""
    scene.app.edit_connection("north", {"policy": {"purchase_orders": {"approve": "manual"}}})
    with scene.app.db.begin() as conn:
        sql = "SELECT erp_id FROM links WHERE kind = 'commitment' ORDER BY erp_id"
        names = [str(row[0]) for row in conn.exec_driver_sql(sql)]
    by_project: dict[str, str] = {}
    for name in names:
        by_project.setdefault(name.partition("@")[2], name.partition("@")[0])
    for order in list(dict.fromkeys(by_project.values()))[:3]:
        scene.box.act("ifs", "amend_line", order_no=order, line_no="1", price="777.77")
    made = scene.app.acting_as("otto").plan("north")
    shown = views.shown(scene.app, PlanAsked(connection="north", plan=made.plan))
    assert sum(part.waits for part in shown.projects) > 1
    return shown


def test_chosen_projects_are_shown_with_their_money_before_they_are_approved(scene: Scene, plan: PlanPage) -> None:
    anna, at = Person(scene, "anna"), f"/c/north/plans/{plan.plan}"
    part = next(part for part in plan.projects if part.waits and part.planned)
    asked = anna.does(f"{at}/approval", chosen=part.project)
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", asked.body)).split())
    assert asked.status == 200
    assert plan.plan in text
    assert "Nothing has been sent yet" in text
    for currency, amount in part.planned.items():
        assert f"{Decimal(amount):,.2f} {currency}" in text.replace("\u2212", "-")
    assert approving.working(scene.app, "north", approving.APPROVED) is None, "asking approves nothing"
    assert anna.does(f"{at}/approval", chosen=[part.project, "9999"]).status == 303
    assert approving.working(scene.app, "north", approving.APPROVED) is None
    assert anna.does(f"{at}/approval", chosen=part.project, sure="yes").status == 303
    until(lambda: "approved" in anna.sees(at) and _ended(scene))
    with scene.app.db.begin() as conn:
        sql = "UPDATE agenda SET well_at = NULL, why = %s, remedy = %s WHERE name = %s"
        said = ("Procore forbids it.", "Give the service account its level on Commitments.", approving.APPROVED)
        conn.exec_driver_sql(sql, said)
    text = anna.sees(at)
    assert "Procore forbids it. Give the service account its level on Commitments." in text, "sentence and remedy"


def _ended(scene: Scene) -> bool:
    job = approving.working(scene.app, "north", approving.APPROVED)
    return job is not None and job.state == "ended"


def test_pages_of_a_plan_speak_as_accountants_do(scene: Scene, plan: PlanPage) -> None:
    vera, at = Person(scene, "vera"), f"/c/north/plans/{plan.plan}"
    text = vera.sees(at)
    assert "asked for by otto" in text
    assert "nothing is sent for these" not in text
    assert "In all" in text, "each project has a total a flow"
    assert vera.sees(f"{at}/held")
    listed = vera.sees(f"{at}/records")
    for word in ("Superseded", "10/order/"):
        assert word not in listed
    assert "on project 12" in listed
    assert f"Run {plan.run + 1}" in text or "came to the same plan" in text
    change = scene.ask(f"/api/v1/connections/north/plans/{plan.plan}/records", vera.cookie).json()["rows"][0]
    page = vera.sees(f"{at}/record?kind={change['kind_key']}&id={change['record']}")
    assert "Our key" not in page
    assert "Amend commitment" not in page
