"""The whole sandbox comes up with both real faces: in a thread, and as a process of its own."""

from __future__ import annotations

import http.client
import json
import tomllib
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from ml_connector.sandbox.running import RunningSandbox, SandboxFailed
from ml_connector.sandbox.serve import main, parse_arguments


def ask(
    url: str, method: str, target: str, body: str | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, object]]:
    wire = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        wire.request(method, target, body, headers or {})
        answer = wire.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        wire.close()


def sign_in(url: str, path: str, client_id: str, client_secret: str) -> str:
    words = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    form = {"content-type": "application/x-www-form-urlencoded"}
    status, answer = ask(url, "POST", path, urlencode(words), form)
    assert status == 200, answer
    return str(answer["access_token"])


def check_both_sides(running: RunningSandbox) -> None:
    """Signs in at both with what the connection file says, and reads one list of each."""
    file = tomllib.loads(running.connection_text())
    erp, projects = file["erp"], file["projects"]
    path = f"/auth/realms/{erp['realm']}/protocol/openid-connect/token"
    token = sign_in(erp["url"], path, erp["client_id"], erp["client_secret"])
    status, orders = ask(
        erp["url"],
        "GET",
        "/int/ifsapplications/projection/v1/PurchaseOrderHandling.svc/PurchaseOrderSet?$orderby=OrderNo&$top=3",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert status == 200, orders
    assert [row["OrderNo"] for row in orders["value"]] == ["P100001", "P100002", "P100003"]  # type: ignore[attr-defined]
    token = sign_in(projects["login_url"], "/oauth/token", projects["client_id"], projects["client_secret"])
    company = projects["company_id"]
    status, found = ask(
        projects["url"],
        "GET",
        f"/rest/v1.0/projects?company_id={company}",
        headers={"Authorization": f"Bearer {token}", "Procore-Company-Id": company},
    )
    assert status == 200, found
    assert len(found) == 5


def test_in_a_thread_with_faces_at_hand(tmp_path: Path) -> None:
    with RunningSandbox(orders=30) as running:
        check_both_sides(running)
        assert running.log.writes == 0
        assert running.log.calls == 4
        assert running.write_connection_file(tmp_path / "kestrel.toml").exists()
        running.reset()
        assert running.log.calls == 0
        check_both_sides(running)


def test_as_a_process_of_its_own() -> None:
    with RunningSandbox(seed=9, orders=30, spawn=True) as running:
        check_both_sides(running)
        assert running.admin("GET", "summary")["world"]["seed"] == 9
        running.reset()
        with pytest.raises(SandboxFailed, match="another process"):
            running.faults.clear()


def test_one_side_alone_needs_to_be_told_the_other_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--only", "ifs", "--ifs-port", "0", "--connection-file", str(tmp_path / "c.toml")]
    assert main(words) == 2
    assert "the address of procore is not known" in capsys.readouterr().err


def test_a_world_too_small_ends_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--orders", "3", "--ifs-port", "0", "--procore-port", "0"]) == 2
    assert "at least 24 orders" in capsys.readouterr().err


def test_the_command_line_has_workable_defaults() -> None:
    options = parse_arguments([])
    assert (options.ifs_port, options.procore_port, options.orders, options.only) == (8441, 8442, 300, None)
