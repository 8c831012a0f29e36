"""The commands about webhooks, as typed."""

from __future__ import annotations

from .shell import Shell


def test_hooks_are_synced_listed_and_removed(joined: Shell) -> None:
    assert "Nobody has said" in joined("webhooks", "sync", code=12).err
    dry = joined("webhooks", "sync", "--url", "http://127.0.0.1:9", "--dry-run").out
    assert "A hook is registered." in dry
    assert "Nothing was changed." in dry
    first = joined("webhooks", "sync", "north", "--url", "http://127.0.0.1:9", "--json").form
    assert first["changed"]
    assert {one["flow"] for one in first["flows"] if one["by"] == "polling"} >= {"subcontractor_invoices"}
    again = joined("webhooks", "sync").out
    assert "as they should be" in again
    assert "Procore does not offer Requisitions" in again
    assert joined("webhooks", "list", "--json").form["hooks"][0]["state"] == "active"
    assert "v3.0" in joined("webhooks", "list").out
    assert "No hook of ours is left." in joined("webhooks", "remove").out
    assert "No hook." in joined("webhooks", "list").out


def test_the_address_for_ifs_shows_its_header_once(joined: Shell) -> None:
    made = joined("webhooks", "ifs", "--url", "http://127.0.0.1:9").out
    assert "Authorization Bearer " in made
    assert "/webhooks/ifs/north/" in made
    assert "Bearer" not in joined("webhooks", "ifs").out
    assert "Bearer" in joined("webhooks", "ifs", "--rotate").out
