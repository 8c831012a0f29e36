"""Connections, mappings, keys, backup and restore, as command lines."""

from __future__ import annotations

from pathlib import Path

from ml_connector.sandbox.connection_file import credentials
from ml_connector.sandbox.running import RunningSandbox

from .shell import Shell

KEYS = credentials(7)
SECRETS = (KEYS.ifs_client_secret, KEYS.procore_client_secret)


def test_init_says_where_everything_is(alone: Shell) -> None:
    said = alone("init")
    assert str(alone.home) in said.out
    assert "Next: ml-connector connection add" in said.out
    again = alone("init", "--json").form
    assert again["key_made_now"] is False
    assert (alone.home / "key").stat().st_mode & 0o777 == 0o600
    assert "no connection yet" in alone("holds", code=11).err


def test_secrets_are_never_shown(joined: Shell, box: RunningSandbox) -> None:
    shown = joined("connection", "show", "north")
    as_json = joined("connection", "show", "north", "--json")
    assert as_json.form["sealed"] == ["erp_client_secret", "projects_client_secret"]
    logged = joined("check", "north", "--verbose")
    twice = joined("connection", "add", "north", "--from", "-", text=box.connection_text(), code=12)
    broken = joined("connection", "add", "b", "--from", "-", text=box.connection_text() + "\n[erp", code=12)
    for said in (shown, as_json, logged, twice, broken):
        for secret in SECRETS:
            assert secret not in said.out + said.err


def test_a_secret_may_come_from_the_environment(shell: Shell, box: RunningSandbox) -> None:
    text = "\n".join(line for line in box.connection_text().splitlines() if not line.startswith("client_secret"))
    missing = shell("connection", "add", "north", "--from", "-", "--json", text=text, code=12)
    assert "client_secret" in missing.error["sentence"]
    assert missing.out == ""
    shell(
        "connection",
        "add",
        "north",
        "--from",
        "-",
        text=text,
        ML_CONNECTOR_ERP_CLIENT_SECRET=SECRETS[0],
        ML_CONNECTOR_PROJECTS_CLIENT_SECRET=SECRETS[1],
    )
    assert shell("check", "north", "--json").form["ok"]


def test_a_connection_is_changed_and_removed(joined: Shell) -> None:
    joined("connection", "edit", "north", "--set", "erp.in_flight=2", "--set", "connection.title=North sites")
    config = joined("connection", "show", "north", "--json").form["config"]
    assert config["erp"]["in_flight"] == 2
    assert config["connection"]["title"] == "North sites"
    assert "KEY=VALUE" in joined("connection", "edit", "north", "--set", "nonsense", code=12).err
    assert "Nothing to change" in joined("connection", "edit", "north", code=12).err
    bad = joined("connection", "edit", "north", "--set", "policy.purchase_orders.approve=perhaps", "--json", code=12)
    assert "approve" in bad.error["sentence"]
    joined("connection", "edit", "north", "--from", "-", text='[connection]\ntitle = "South"\n')
    assert joined("connection", "list", "--json").form["connections"][0]["title"] == "South"
    joined("connection", "remove", "north")
    assert joined("connection", "list", "--json").form == {"connections": []}


def test_a_failed_check_names_the_remedy(joined: Shell) -> None:
    joined("connection", "edit", "north", "--set", "connection.erp_company=99")
    said = joined("check", "north", "--json", code=None)
    assert said.code == 12
    failed = [one for one in said.form["checks"] if not one["ok"]]
    assert failed
    assert "FAIL" in joined("check", "north", code=12).out


def test_with_two_connections_a_name_is_needed(joined: Shell, box: RunningSandbox) -> None:
    joined("connection", "add", "south", "--from", "-", text=box.connection_text())
    said = joined("holds", "--json", code=12)
    assert "north, south" in said.error["next_step"]
    assert joined("holds", "-c", "south", "--json").form["connection"] == "south"
    assert joined("runs", "--json").form == {"runs": []}
    assert "Name one" in joined("holds", "north", "-c", "south", code=12).err


def test_a_mapping_goes_out_and_in(joined: Shell, tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(joined("mapping", "export").out)
    assert "[mapping.cost_code]" in path.read_text()
    assert joined("mapping", "import", str(path), "--json").form["version"] == 1
    path.write_text(path.read_text().replace('to = "O"', 'to = "L"'))
    assert joined("mapping", "import", "north", str(path), "--json").form["version"] == 2
    assert 'to = "O"' in joined("mapping", "export", "north", "--version", "1").out
    findings = joined("mapping", "check", "--json").form["findings"]
    assert joined("mapping", "check", "--strict", code=None).code == (15 if findings else 0)
    assert "not valid TOML" in joined("mapping", "check", "north", "-", text="x", code=12).err
    assert "cannot be read" in joined("mapping", "import", str(tmp_path / "none.toml"), code=12).err


def test_backup_rotation_and_restore(joined: Shell, tmp_path: Path) -> None:
    joined("sync", "north")
    path = tmp_path / "all.backup"
    made = joined("backup", str(path), "--json").form
    assert (made["connections"], path.stat().st_size) == (1, made["size"])
    assert "exists already" in joined("backup", str(path), code=12).err
    assert joined("vault", "rotate", "--json").form == {"resealed": 2, "former_dropped": True}
    assert "--replace" in joined("restore", str(path), code=12).err
    assert joined("check", "north", "--json").form["ok"]
    joined("connection", "remove", "north", "--force")
    assert joined("restore", str(path), "--json").form["connections"] == 1
    assert joined("runs", "--json").form["runs"][0]["state"] == "done"
    assert joined("audit", "verify", "--json").form["ok"]


def test_an_end_noted_earlier_proves_the_trail(joined: Shell) -> None:
    head = joined("audit", "verify", "--json").form["chains"][0]["head"]
    joined("plan", "north")
    assert joined("audit", "verify", "--head", head, "--json").form["ok"]
    other = head.split(":")[0] + ":" + "0" * 64
    said = joined("audit", "verify", "--head", other, "--json", code=15)
    assert "rewritten" in said.form["chains"][0]["faults"][0]
    assert "ROW:HASH" in joined("audit", "verify", "--head", "nonsense", code=12).err
