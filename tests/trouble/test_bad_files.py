"""Files and names a person got wrong: the line or the entry is named, and nothing was changed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomlkit

from journeys.office import NAME, Office

from .desk import Desk


def _file(desk: Desk, text: str) -> str:
    path = desk.home / "connection.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def _changed(text: str, where: str, value: object) -> str:
    """The connection file with one entry changed, or without it."""
    data = tomllib.loads(text)
    *tables, last = where.split(".")
    table = data
    for name in tables:
        table = table.setdefault(name, {})
    if value is None:
        del table[last]
    else:
        table[last] = value
    return tomlkit.dumps(data)


def test_toml_that_does_not_parse_names_its_line(desk: Desk) -> None:
    assert desk.box is not None
    lines = desk.box.connection_text().splitlines()
    at = next(number for number, line in enumerate(lines, 1) if line.startswith("realm"))
    lines[at - 1] = 'realm = "kestrel'
    error = desk.fails(12, "bad_input", "connection", "add", NAME, "--from", _file(desk, "\n".join(lines)))
    assert f"line {at}" in error["sentence"]
    assert desk.run("connection", "list", "--json").value == {"connections": []}


def test_the_same_from_a_process_of_its_own(desk: Desk) -> None:
    sentence, step = desk.tells(desk.process("connection", "add", NAME, "--from", _file(desk, "format = = 1")), 12)
    assert "line 1" in sentence
    assert step


@pytest.mark.parametrize(
    ("where", "value", "word"),
    [
        ("connection.erp_compny", "10", "erp_compny"),
        ("projectz.url", "https://x.test", "projectz"),
        ("connection.erp_company", None, "erp_company"),
        ("erp", None, "erp"),
        ("erp", "ifs", "erp"),
        ("erp.realm", ["a"], "erp.realm"),
        ("erp.in_flight", "many", "erp.in_flight"),
        ("erp.in_flight", 0, "erp.in_flight"),
        ("erp.in_flight", -3, "erp.in_flight"),
        ("projects.in_flight", 0, "projects.in_flight"),
        ("projects.page_size", 0, "projects.page_size"),
        ("projects.page_size", 1_000_000, "projects.page_size"),
        ("erp.channel", "b2b", "erp.channel"),
        ("erp.system", "sap", "erp.system"),
        ("erp.client_secret", None, "client_secret in [erp]"),
        ("projects.client_secret", "", "client_secret in [projects]"),
        ("projects.client_secret", 12345, "client_secret in [projects]"),
        ("erp.url", "http://acme.ifs.cloud", "erp.url"),
        ("projects.url", "http://api.procore.com", "projects.url"),
        ("projects.login_url", "http://login.procore.com", "projects.login_url"),
        ("erp.url", "acme.ifs.cloud", "erp.url"),
        ("erp.url", "https://acme.ifs.cloud:port", "erp.url"),
        ("erp.url", "https://user:word@acme.ifs.cloud", "erp.url"),
        ("erp.url", "https://[::1", "erp.url"),
        ("erp.url", "https://a b", "erp.url"),
        ("erp.url", "https://acme.ifs.cloud\n", "erp.url"),
        ("erp.url", "https://acme.ifs.cloud#x", "erp.url"),
        ("projects.url", "https://-x<y>", "projects.url"),
        ("connection.time_zone", "America/Chicagoo", "America/Chicagoo"),
        ("connection.time_zone", "../../etc/passwd", "connection.time_zone"),
        ("connection.go_live", "last week", "go_live"),
        ("format", 2, "format 2"),
        ("policy.purchase_orders.approve", "sometimes", "approve"),
        ("policy.purchase_orders.aprove", "auto", "aprove"),
        ("policy.vendors.near", 400, "policy.vendors.near"),
        ("policy.brakes.money", "NaN", "policy.brakes.money"),
        ("policy.purchase_orders.status", {"released": "Signed"}, "Signed"),
        ("mapping.cost_code.parts", ["Z"], "mapping.cost_code"),
        ("mapping.cost_code.otherwise", "guess", "guess"),
        ("mapping.cost_kind", {"parts": ["A"]}, "cost_kind"),
        ("mapping.cost_type.row", [{"A": "4110"}], "mapping.cost_type.row"),
        ("erp.profile.ordr", {"entity_set": "X"}, "ordr"),
        ("erp.profile.page_size", 5000, "page size"),
        ("erp.profile.order_states", {"Draft": "sketched"}, "sketched"),
    ],
)
def test_an_entry_that_cannot_be_used(where: str, value: object, word: str, desk: Desk) -> None:
    assert desk.box is not None
    path = _file(desk, _changed(desk.box.connection_text(), where, value))
    error = desk.fails(12, "bad_input", "connection", "add", NAME, "--from", path)
    assert word in error["sentence"], error
    assert desk.run("connection", "list", "--json").value == {"connections": []}


def test_whole_numbers_where_ids_are_wanted(desk: Desk) -> None:
    assert desk.box is not None
    text = _changed(_changed(desk.box.connection_text(), "projects.company_id", 562), "connection.erp_company", 10)
    assert desk.run("connection", "add", NAME, "--from", _file(desk, text)).code == 0
    config = desk.run("connection", "show", NAME, "--json").value["config"]
    assert (config["projects"]["company_id"], config["connection"]["erp_company"]) == ("562", "10")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b""])
def test_a_file_that_is_not_there_or_no_text(content: bytes | None, desk: Desk) -> None:  # fails() asserts
    path = desk.home / "odd.toml"
    if content is not None:
        path.write_bytes(content)
    desk.fails(12, "bad_input", "connection", "add", NAME, "--from", str(path))


@pytest.mark.parametrize("name", ["North", "", "no spaces", "-x", "a" * 64])
def test_a_name_that_cannot_be_one(name: str, desk: Desk) -> None:
    assert desk.box is not None
    path = _file(desk, desk.box.connection_text())
    answer = desk.run("connection", "add", "--from", path, "--json", "--", name)
    desk.failed(answer, 12, "bad_input")


def test_a_name_taken_twice(front: Desk, office: Office) -> None:
    before = office.app.connection(NAME)
    error = front.fails(12, "bad_input", "connection", "add", NAME, "--from", _file(front, front.box.connection_text()))  # type: ignore[union-attr]
    assert NAME in error["sentence"]
    assert office.app.connection(NAME) == before


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("sync", "nobody"), "nobody"),
        (("check", "nobody"), "nobody"),
        (("connection", "show", "nobody"), "nobody"),
        (("sync", NAME, "invoices"), "invoices"),
        (("rule", "4711", "link"), "4711"),
        (("show", "run", "4711"), "4711"),
        (("show", "po", "P999999"), "P999999"),
        (("replay", "P999999"), "P999999"),
        (("replay", "4711"), "4711"),
    ],
)
def test_something_that_does_not_exist(words: tuple[str, ...], word: str, front: Desk) -> None:
    error = front.fails(11, "nothing_such_here", *words)
    assert word in error["sentence"], error


def test_a_plan_hash_nobody_made(front: Desk, office: Office) -> None:
    error = front.fails(11, "plan_unknown", "sync", NAME, "--plan", "0123456789abcdef")
    assert "0123456789abcdef" in error["sentence"]
    assert f"plan {NAME}" in error["next_step"] or "plan NAME" in error["next_step"]
    assert office.box.log.exchanges(side="procore", writes=True) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[mapping.cost_code\n", "line 1"),
        ("[mapping.cost_code]\nparts = ['Q']\n", "mapping.cost_code"),
        ("[cost_code]\nparts = ['B']\n", "[mapping.cost_code]"),
        ("mapping = 3\n", "[mapping.cost_code]"),
        ("[mapping.cost_type]\nparts = ['A']\n[[mapping.cost_type.row]]\nA = ['411']\nto = 'M'\n", "number 1"),
        ("[mapping.cost_type]\nparts = ['A']\n[[mapping.cost_type.row]]\nQ = '411'\nto = 'M'\n", "number 1"),
    ],
)
def test_a_mapping_that_cannot_be_used(text: str, word: str, front: Desk, office: Office) -> None:
    path = front.home / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    before = office.app.export_mapping(NAME)
    error = front.fails(12, "bad_input", "mapping", "import", str(path))
    assert word in error["sentence"], error
    assert office.app.export_mapping(NAME) == before


def test_a_key_others_can_read(front: Desk, office: Office) -> None:
    key = office.settings.key_file
    key.chmod(0o640)
    error = front.fails(12, "key_trouble", "sync", NAME)
    assert "can be read by others" in error["sentence"]
    assert f"chmod 600 {key}" in error["next_step"]
    key.chmod(0o600)
    assert front.run("sync", NAME).code == 0


def test_a_key_that_is_lost(front: Desk, office: Office, tmp_path: Path) -> None:
    key = office.settings.key_file
    kept = key.rename(tmp_path / "kept")
    error = front.fails(12, "key_trouble", "sync", NAME)
    assert "missing" in error["sentence"]
    assert not key.exists()
    add = front.run("connection", "add", "other", "--from", _file(front, office.box.connection_text()), "--json")
    front.failed(add, 12, "key_trouble")
    kept.rename(key)
    assert front.run("sync", NAME).code == 0


@pytest.mark.parametrize("text", ["", "not a key\n", "QUJD\n"])
def test_a_key_file_with_something_else_in_it(text: str, front: Desk, office: Office) -> None:  # fails() asserts
    office.settings.key_file.write_text(text)
    front.fails(12, "key_trouble", "sync", NAME)


def test_the_wrong_key(front: Desk, office: Office) -> None:
    front.fails(12, "key_trouble", "sync", NAME, ML_CONNECTOR_KEY="A" * 43 + "=")
    assert office.box.log.exchanges(side="procore", writes=True) == []
