"""One command tells what is wrong: each fault that is made here is found, with its remedy, and no secret is told."""

from __future__ import annotations

from typing import Any

import psycopg

from store.cluster import Cluster
from store.older import older

from .shell import Shell


def bad(shell: Shell, *words: str) -> dict[str, dict[str, Any]]:
    """What the doctor finds wrong, by its name; the exit code says whether there is anything."""
    said = shell("doctor", *words, "--json", code=None)
    found = {look["name"]: look for look in said.form["looks"] if not look["ok"]}
    assert said.code == (15 if found else 0), said
    assert said.form["ok"] is (not found)
    assert all(look["remedy"] for look in found.values()), found
    return found


def test_a_healthy_installation_is_told_so(joined: Shell) -> None:
    assert bad(joined) == {}
    said = joined("doctor", "north")
    for what in ("PostgreSQL", "sealing key", "clock of erp", "clock of projects", "rights and names", "webhooks"):
        assert what in said.out
    assert "things are well" in said.out


def test_faults_are_found_each_with_its_remedy(joined: Shell) -> None:
    faults = (
        "INSERT INTO breakers (connection_id, side, state, sentence, remedy) VALUES (1, 'erp', 'open', 'Off', 'Wait')",
        "INSERT INTO agenda (connection_id, name, waiting_job, queued_at)"
        " VALUES (1, 'flows', 9, now() - interval '1 hour')",
        "INSERT INTO agenda (connection_id, name, well_at) VALUES (1, 'poll/vendors', now() - interval '3 days')",
        "INSERT INTO parked (connection_id, job_id, attempts) VALUES (1, 9, 3)",
        "INSERT INTO hooks (connection_id, slug, secret_hash, state) VALUES (1, 'a', '', 'broken')",
        "INSERT INTO leases (connection_id, fence, holder, session, renewed_at)"
        " VALUES (1, 1, 'who', 1, now() - interval '1 hour')",
    )
    with psycopg.connect(joined.environ["ML_CONNECTOR_DATABASE_URL"]) as session:
        for fault in faults:
            session.execute(fault)
    assert set(bad(joined)) == {
        "processes",
        "queue",
        "jobs given up",
        "lease",
        "breaker of erp",
        "webhooks",
        "freshness of vendors",
    }
    [switch] = [one for one in joined("doctor", "--json", code=15).form["looks"] if one["warns"]]
    assert (switch["name"], switch["ok"]) == ("dead-man's switch", True)
    assert "ML_CONNECTOR_HEARTBEAT_URL" in switch["remedy"]
    joined("pause", "north", "vendors")
    assert "freshness of vendors" not in bad(joined)


def test_a_key_others_can_read_and_a_lost_key_are_found(joined: Shell) -> None:
    key = joined.home / "key"
    key.chmod(0o644)
    assert "sealing key" in bad(joined)
    key.unlink()
    found = bad(joined)["sealing key"]
    assert "missing" in found["sentence"]


def test_looking_at_an_empty_installation_makes_no_key(shell: Shell) -> None:
    looks = {look["name"]: look for look in shell("doctor", "--json").form["looks"]}
    assert looks["sealing key"]["ok"]
    assert "none yet" in looks["sealing key"]["sentence"]
    assert not (shell.home / "key").exists()
    shell("init")
    assert "opens every secret" in shell("doctor").out


def test_systems_that_refuse_are_found_and_secrets_are_not_told(joined: Shell) -> None:
    joined("connection", "edit", "north", "--client-secret-erp", "quite-another-secret")
    found = bad(joined, "north")
    assert "erp: sign-in" in found
    assert "quite-another-secret" not in joined("doctor", code=15).out
    joined("connection", "edit", "north", "--set", "erp.url=http://127.0.0.1:9", "--client-secret-erp", "x")
    assert "clock of erp" in bad(joined)


def test_a_database_that_cannot_be_used_is_a_finding(shell: Shell, cluster: Cluster) -> None:
    url = older(cluster, "0002")
    found = bad(Shell(shell.home, url))
    assert "ml-connector upgrade" in found["database"]["remedy"]
    cluster.drop(url)
    away = Shell(shell.home, "postgresql://joe:hunter2@127.0.0.1:1/books")
    said = away("doctor", code=15)
    assert "hunter2" not in said.out + said.err


def test_a_connection_that_is_not_there_is_said(joined: Shell) -> None:
    assert "south" in joined("doctor", "south", code=11).err
