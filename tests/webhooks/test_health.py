"""Whether the process lives, whether it is ready, and what it measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_connector.store.migrate import HEAD
from ml_connector.webhooks import application
from store.cluster import Cluster

from .house import House, body_of


def test_alive_and_ready(house: House) -> None:
    for path, said in (("/healthz", b"ok\n"), ("/readyz", b"ready\n")):
        assert house.call("GET", path).body == said
        assert house.call("HEAD", path).status == 200
        assert house.call("POST", path, b"").status == 404


def test_not_ready_with_another_schema_and_ready_again(own: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "_READY_KEPT", 0.0)
    with own.db.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    said = own.call("GET", "/readyz")
    assert (said.status, said.body) == (503, b"not ready\n")
    assert own.call("GET", "/healthz").status == 200
    with own.db.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = %s", (HEAD,))
    assert own.call("GET", "/readyz").status == 200


def test_measures_are_for_nobody_where_no_token_is_set_not_on_this_machine_either(house: House) -> None:
    for word in ("", "Bearer ", "Bearer x"):
        assert house.call("GET", "/metrics", Authorization=word).status == 404
    assert house.call("GET", "/metrics").status == 404


def test_with_a_token_measures_are_for_whoever_brings_it(cluster: Cluster, tmp_path: Path) -> None:
    url = cluster.new_url()
    with House(tmp_path, url, metrics_token="t0ken") as house:
        assert house.tell(body_of(1)).status == house.tell(body_of(1)).status == 202
        assert house.call("GET", "/metrics").status == 404
        assert house.call("GET", "/metrics", Authorization="Bearer t0ke").status == 404
        got = house.call("GET", "/metrics", Authorization="Bearer t0ken", **{"X-Forwarded-For": "203.0.113.7"})
        said = got.body.decode()
        assert 'ml_connector_door_events_total{door="procore",fate="again"} 1.0' in said
        assert 'ml_connector_door_answers_total{door="procore",status="202"} 2.0' in said
        assert 'ml_connector_door_seconds_bucket{door="procore",le="0.05"}' in said
    cluster.drop(url)
