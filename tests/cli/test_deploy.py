"""The files of deploy/ could run as they stand: every command, flag and variable in them is one of ours."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from ml_connector import settings
from ml_connector.cli import logs, session
from ml_connector.cli.command import EVERYWHERE
from ml_connector.cli.main import commands
from ml_connector.desk import KEY_VARIABLE
from ml_connector.store.server import _STOP_SECONDS
from ml_connector.webhooks.serving import DRAIN_SECONDS

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
DRAINED = settings.Settings(Path()).drain_seconds
VARIABLES = {
    value
    for module in (settings, logs, session)
    for value in vars(module).values()
    if isinstance(value, str) and value.startswith("ML_CONNECTOR_")
} | {KEY_VARIABLE}


def unit(path: Path) -> configparser.ConfigParser:
    """A unit file, names as they are written."""
    found = configparser.ConfigParser(interpolation=None, strict=True)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read_string(path.read_text("utf-8"))
    return found


def compose() -> dict[str, Any]:
    """The compose file."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return found


def check(words: list[str]) -> None:
    """That a command line is one of ours, flag by flag."""
    group: Any = typer.main.get_command(commands())
    command = group.commands[words[0]]
    flags = {flag for parameter in command.params for flag in parameter.opts} | set(EVERYWHERE)
    assert [word for word in words[1:] if word.startswith("-") and word not in flags] == []


def seconds(text: str) -> int:
    """`45s` or `45`."""
    return int(text.removesuffix("s"))


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_of_ours_and_gives_it_time_to_end(path: Path) -> None:
    service = unit(path)["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert program == "/opt/ml-connector/bin/ml-connector"
    check(words)
    needed = {"door": DRAIN_SECONDS * 3, "worker": DRAINED + 5, "serve": DRAINED + DRAIN_SECONDS * 3 + _STOP_SECONDS}
    assert seconds(service["TimeoutStopSec"]) > needed[words[0]]
    assert service["User"] not in ("", "root")
    for hardened in ("NoNewPrivileges", "ProtectHome", "PrivateDevices", "RestrictSUIDSGID", "LockPersonality"):
        assert service[hardened] == "true"
    assert (service["ProtectSystem"], service["CapabilityBoundingSet"]) == ("strict", "")
    assert service["MemoryMax"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_may_write_where_its_process_does(path: Path) -> None:
    service = unit(path)["Service"]
    assert service["PrivateTmp"] == "true"  # documents that were read are put aside in the temporary folder
    example = (DEPLOY / "service.env.example").read_text("utf-8")
    assert f"ML_CONNECTOR_HOME=/var/lib/{service['StateDirectory']}\n" in example
    assert "AF_UNIX" in service["RestrictAddressFamilies"].split()  # the embedded database listens nowhere else
    assert service["User"] == service["Group"] == service["StateDirectory"]
    assert service["EnvironmentFile"] == "/etc/ml-connector/service.env"


def test_the_example_names_every_variable_that_is_explained() -> None:
    page = (DEPLOY.parent / "docs" / "deploying.md").read_text("utf-8")
    table = page.partition("## Variables")[2].partition("\n## ")[0]
    explained = set(re.findall(r"`(ML_CONNECTOR_[A-Z_]+)`", table))
    example = (DEPLOY / "service.env.example").read_text("utf-8")
    assert len(explained) > 10
    assert explained == set(re.findall(r"^(?:# )?(ML_CONNECTOR_[A-Z_]+)=", example, re.MULTILINE))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here to ask")
def test_systemd_itself_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    copies = [tmp_path / path.name for path in UNITS]
    for path, copy in zip(UNITS, copies, strict=True):
        copy.write_text(path.read_text("utf-8").replace("/opt/ml-connector/bin/ml-connector", "/bin/true"))
    verify = ["systemd-analyze", "verify", "--man=no", *map(str, copies)]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "ml-connector" in line]
    assert ours == []


@pytest.mark.parametrize("name", ["service.env.example", "compose.yaml", "Dockerfile"])
def test_every_variable_is_one_that_is_read(name: str) -> None:
    named = set(re.findall(r"\bML_CONNECTOR_[A-Z_]+", (DEPLOY / name).read_text("utf-8")))
    assert named
    assert named <= VARIABLES


def test_the_compose_file_runs_our_commands_and_holds_no_secret() -> None:
    services = compose()["services"]
    assert set(services) == {"postgres", "init", "door", "worker"}
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services)
        for variable, value in service["environment"].items():
            if "PASSWORD" in variable or "URL" in variable or "TOKEN" in variable:
                assert re.search(r"\$\{\w+:[?-]", value), f"{name}: {variable}"
        if name != "postgres":
            check(service["command"])
            assert service["env_file"] == [".env"]  # what is left out there would be left out of every process
            assert set(service["environment"]) == {"ML_CONNECTOR_HOME", "ML_CONNECTOR_DATABASE_URL"}
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
    assert services["worker"]["deploy"]["replicas"] == 2
    assert seconds(services["worker"]["stop_grace_period"]) > DRAINED + 5
    assert seconds(services["door"]["stop_grace_period"]) > DRAIN_SECONDS * 3
    asked = services["worker"]["healthcheck"]["test"]
    assert asked[:2] == ["CMD", "ml-connector"]
    check(asked[2:])
    assert "--here" in asked  # that the database answers says nothing of this worker
    assert "--host=127.0.0.1" in services["postgres"]["healthcheck"]["test"]
    assert services["door"]["ports"] == ["127.0.0.1:8480:8480"]  # TLS stands in front


def test_the_image_is_made_of_checked_packages_and_runs_as_nobody_in_particular() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    final = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert text.count("--require-hashes") == 2
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text("utf-8"))
    for tool in project["build-system"]["requires"]:  # without isolation nobody else brings it
        assert re.search(rf"pip install .*--no-index --find-links /wheels {tool} ", text)
    assert "index-url" not in text
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (DEPLOY.parent / source).exists(), source
            kept = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
            assert f"!{source.strip('/')}" in kept
    for kind in ("ENTRYPOINT", "CMD"):
        assert re.search(rf"^{kind} \[", final, re.MULTILINE)
    words = yaml.safe_load(re.findall(r"^CMD (.+)$", final, re.MULTILINE)[0])
    check(words)


def test_the_proxy_lets_nothing_in_but_what_other_systems_call() -> None:
    text = (DEPLOY / "Caddyfile").read_text("utf-8")
    assert re.findall(r"^\t@\w+ path (.+)$", text, re.MULTILINE) == ["/webhooks/*"]
    assert "respond 404" in text
