"""Secrets keep their age until they are given anew; the key that seals them is changed and shuts nobody out."""

from __future__ import annotations

import base64
import shutil
import socket
from datetime import datetime

import psycopg

from .shell import Shell

Sealed = dict[str, tuple[datetime, str]]


def sealed(shell: Shell) -> Sealed:
    """Field to the moment its secret was given and the id of its key; tokens left out."""
    with psycopg.connect(shell.environ["ML_CONNECTOR_DATABASE_URL"]) as session:
        rows = session.execute("SELECT field, sealed_at, key_id FROM secrets WHERE field NOT LIKE '%token%'")
        return {field: (at, key) for field, at, key in rows}


def at_work(shell: Shell, host: str, ago: str = "0 seconds") -> None:
    """A process of another installation, or of this host, that gave a sign of life so long ago."""
    with psycopg.connect(shell.environ["ML_CONNECTOR_DATABASE_URL"]) as session:
        sql = """INSERT INTO workers (id, kind, host, pid, started_at, seen_at)
            VALUES (%s, 'worker', %s, 1, now(), now() - %s::interval)"""
        session.execute(sql, (host, host, ago))


def test_only_a_secret_that_was_given_anew_is_young(joined: Shell) -> None:
    before = sealed(joined)
    joined("connection", "edit", "north", "--set", "connection.title=North", "--set", 'alerts.urls=["json://x:y@h"]')
    after = sealed(joined)
    assert set(after) - set(before) == {"alert_urls"}
    joined("connection", "edit", "north", "--client-secret-erp", "another")
    last = sealed(joined)
    assert {field for field in after if after[field] != last[field]} == {"erp_client_secret"}
    assert {field: before[field] for field in before if field != "erp_client_secret"}.items() <= last.items()
    assert last["erp_client_secret"][0] > before["erp_client_secret"][0]
    joined("connection", "edit", "north", "--set", "alerts.urls=[]")
    assert set(sealed(joined)) == set(before)


def test_rotating_the_key_makes_no_secret_younger(joined: Shell) -> None:
    before = sealed(joined)
    assert joined("vault", "rotate", "--json").form == {"resealed": 2, "former_dropped": True}
    after = sealed(joined)
    assert {field: at for field, (at, _) in after.items()} == {field: at for field, (at, _) in before.items()}
    assert {key for _, key in after.values()}.isdisjoint(key for _, key in before.values())
    assert joined("check", "north", "--json").form["ok"]


def test_a_key_in_the_variable_is_rotated_there(joined: Shell) -> None:
    old = (joined.home / "key").read_text().strip()
    (joined.home / "key").unlink()
    new = base64.b64encode(b"n" * 32).decode()
    assert "no other one" in joined("vault", "rotate", code=12, ML_CONNECTOR_KEY=old).err
    both = f"{new} {old}"
    said = joined("vault", "rotate", ML_CONNECTOR_KEY=both)
    assert "2 secrets sealed anew" in said.out
    assert "take it out of the variable" in said.out
    assert joined("check", "north", "--json", ML_CONNECTOR_KEY=new).form["ok"]
    assert "was sealed with key" in joined("check", "north", code=12, ML_CONNECTOR_KEY=old).err
    assert not (joined.home / "key").exists()


def test_processes_on_other_machines_are_not_shut_out_by_a_new_key(joined: Shell) -> None:
    at_work(joined, "gone", "2 minutes")
    at_work(joined, socket.gethostname())
    assert joined("vault", "rotate", "--json").form["former_dropped"]
    at_work(joined, "elsewhere")
    there = Shell(joined.home.parent / "there", joined.environ["ML_CONNECTOR_DATABASE_URL"])
    there.home.mkdir(mode=0o700)
    shutil.copy(joined.home / "key", there.home / "key")
    assert "(elsewhere)" in joined("vault", "rotate", code=12).err
    prepared = joined("vault", "rotate", "--prepare", "--json").form
    assert prepared["path"] == str(joined.home / "key.next")
    shutil.copy(prepared["path"], there.home / "key.next")
    assert joined("vault", "rotate", "--json").form == {"resealed": 2, "former_dropped": False}
    assert {key for _, key in sealed(joined).values()} == {prepared["prepared"]}
    there("connection", "edit", "north", "--client-secret-erp", "theirs")  # sealed with the former key
    assert len({key for _, key in sealed(joined).values()}) == 2
    joined("connection", "show", "north")
    joined("plan", "north", code=None)
    shutil.copy(joined.home / "key", there.home / "key")
    assert joined("vault", "rotate", "--json").form["former_dropped"]
    for shell in (joined, there):
        assert "was sealed with" not in shell("check", "north", code=None).err
    assert {key for _, key in sealed(joined).values()} == {prepared["prepared"]}


def test_a_health_check_tells_whether_this_host_is_at_work(shell: Shell) -> None:
    shell("status")
    at_work(shell, "elsewhere")
    shell("status", "--here", code=15)
    at_work(shell, socket.gethostname(), "5 minutes")
    shell("status", "--here", "--json", code=15)
    with psycopg.connect(shell.environ["ML_CONNECTOR_DATABASE_URL"]) as session:
        session.execute("UPDATE workers SET seen_at = now() WHERE host <> 'elsewhere'")
    assert shell("status", "--here", "--json").form["workers"]
