"""What happens in both systems while nobody looks: a row of the mapping is lost, orders come, a set-up is begun."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import tomlkit

from ml_connector.kernel.errors import Locked
from ml_connector.planning.mapping import mapping_to
from ml_connector.service import approving, setting_up, surveying
from ml_connector.service.setting_up import Half
from ml_connector.wiring import mapping_of

from .scene import Scene

NAME = "north"
"""The connection of a scene."""


def lose_row(scene: Scene, pattern: str, left: str = "") -> None:
    """The row of the cost types for accounts like `pattern` is gone from the mapping; with `left` it has only that."""
    form: dict[str, Any] = mapping_to(mapping_of(scene.app.export_mapping(NAME)))
    rows = [{**row, "A": left} if row["A"] == pattern else row for row in form["cost_type"]["row"]]
    form["cost_type"]["row"] = [row for row in rows if row["A"]]
    scene.app.import_mapping(NAME, tomlkit.dumps({"mapping": form}))


def place(scene: Scene, account: str, price: str, project: str = "1201") -> str:
    """The number of a new order of one line of ten in IFS."""
    line = {
        "description": "Shotcrete crew",
        "quantity": "10",
        "unit": "EA",
        "price": price,
        "project_id": project,
        "codes": {"A": account, "B": "03-310", "C": "410", "E": project},
    }
    return str(scene.box.act("ifs", "create_order", supplier_id="S1005", state="Released", lines=[line])["order_no"])


def sent_orders(scene: Scene) -> list[str]:
    """Orders that have a contract in Procore and wait for nothing, by number."""
    with scene.app.db.begin() as conn:
        held = {row[0] for row in conn.exec_driver_sql("SELECT erp_id FROM holds WHERE released_at IS NULL")}
        linked = conn.exec_driver_sql("SELECT erp_id FROM links WHERE kind = 'commitment' AND target_id <> ''")
        return sorted({str(row[0]).split("@")[0] for row in linked} - held)


def later(scene: Scene) -> None:
    """A run looks at both systems, some moments after."""
    scene.box.clock.advance(timedelta(seconds=2))
    in_turn(lambda: scene.app.sync(NAME))


def wait_for_approval(scene: Scene) -> None:
    """Every plan waits for approval from now on, and no run is at work that began before."""
    approving.let_go(scene.app, NAME, automatic=False)
    in_turn(lambda: scene.app.plan(NAME))


def in_turn(work: Callable[[], Any]) -> Any:
    """What `work` gives once the service, which works by itself, is not at it as well."""
    for _ in range(100):
        try:
            return work()
        except Locked:
            time.sleep(0.2)
    return work()


def begin_setup(scene: Scene, name: str) -> None:
    """A set-up of a connection to both sides, which were looked at; nothing is chosen yet."""
    app, told = scene.app.acting_as("adam"), tomllib.loads(scene.box.connection_text())
    setting_up.begin(app, name)
    for side in ("erp", "projects"):
        parts = {key: told[side][key] for key in ("url", "realm", "client_id", "company_id") if key in told[side]}
        setting_up.connect(app, name, Half(side, parts, told[side]["client_secret"]))
    setting_up.choose(app, name, "erp", "10")
    surveying.look(app, name, "survey")
