"""A database of an older release is left alone until a person upgrades it, and they are told what that does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_connector.store.migrate import HEAD
from store.cluster import Cluster
from store.older import older

from .shell import Shell


@pytest.fixture
def old(cluster: Cluster, tmp_path: Path) -> Iterator[Shell]:
    """A home whose database an older release made."""
    url = older(cluster, "0002")
    yield Shell(tmp_path / "home", url)
    cluster.drop(url)


def test_an_older_database_is_refused_until_it_is_upgraded(old: Shell, tmp_path: Path) -> None:
    refused = old("connection", "list", "--json", code=12)
    assert "schema 0002" in refused.error["sentence"]
    assert "ml-connector upgrade" in refused.error["next_step"]
    planned = old("upgrade", "--dry-run")
    assert "would go to schema" in planned.out
    assert "  0003  Makes room for the unattended service" in planned.out
    assert "make a backup" in planned.out
    form = old("upgrade", "--dry-run", "--json").form
    assert (form["stands"], form["wants"], form["done"], form["backup_advised"]) == ("0002", HEAD, False, True)
    old("connection", "list", code=12)
    done = old("upgrade", "--backup", str(tmp_path / "before.backup"))
    assert f"is now at schema {HEAD}, from 0002" in done.out
    assert [one["name"] for one in old("connection", "list", "--json").form["connections"]] == ["old"]
    assert "Nothing to do" in old("upgrade").out
    chains = old("audit", "verify", "--json").form["chains"]
    assert [(one["connection"], one["rows"], one["faults"]) for one in chains] == [("(installation)", 1, [])]


def test_the_backup_before_an_upgrade_brings_the_old_books_back(old: Shell, tmp_path: Path) -> None:
    file = tmp_path / "before.backup"
    old("upgrade", "--backup", str(file))
    old("connection", "remove", "old")
    old("restore", str(file), "--replace")
    assert [one["name"] for one in old("connection", "list", "--json").form["connections"]] == ["old"]


def test_an_empty_database_needs_no_upgrade(shell: Shell) -> None:
    shell("init")
    assert shell("upgrade", "--json").form["steps"] == []
