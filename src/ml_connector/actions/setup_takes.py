"""What the actions of a set-up take: names, both halves, choices and answers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from ml_connector.service.first_mapping import Answered
from ml_connector.service.pairing import Said
from ml_connector.views.listing import Words

Name = Annotated[str, msgspec.Meta(max_length=63)]
"""The name of a connection."""
Text = Annotated[str, msgspec.Meta(max_length=300)]
"""What a person types into a line."""
Secret = Annotated[str, msgspec.Meta(max_length=4096)]
"""A client secret, or nothing."""
Id = Annotated[str, msgspec.Meta(max_length=200)]
"""What a record or a policy is called."""
Kind = Literal["project", "vendor"]
"""Records that are paired."""
Likeness = Annotated[int, msgspec.Meta(ge=0, le=100)]
"""How alike two names are."""


class Named(msgspec.Struct, frozen=True):
    """Which set-up: the name of its connection."""

    connection: Name


class Begin(msgspec.Struct, frozen=True):
    """The name of the connection to be, and what people shall call it."""

    connection: Name
    title: Text = ""


class ErpHalf(msgspec.Struct, frozen=True):
    """Where IFS is and how we sign in. An empty secret keeps the one that is there."""

    connection: Name
    url: Text
    realm: Text
    client_id: Text
    client_secret: Secret = ""
    channel: Literal["int", "main"] = "int"
    time_zone: Text = ""


class ProjectsHalf(msgspec.Struct, frozen=True):
    """Where Procore is, which company, and how we sign in. An empty secret keeps the one that is there."""

    connection: Name
    url: Text
    company_id: Text
    client_id: Text
    client_secret: Secret = ""
    login_url: Text = ""


class Company(msgspec.Struct, frozen=True):
    """The company chosen on one side."""

    connection: Name
    side: Literal["erp", "projects"]
    company: Text


class Look(msgspec.Struct, frozen=True):
    """What is to be looked at."""

    connection: Name
    what: Literal["check", "survey", "plan"]


class Looked(msgspec.Struct, frozen=True):
    """Whether a person looked at what both accounts may write."""

    connection: Name
    seen: bool = True


class Ownership(msgspec.Struct, frozen=True):
    """Choices of the matrix: policy to its value, or to its values where there may be several."""

    connection: Name
    choices: Annotated[dict[Id, Annotated[list[Id], msgspec.Meta(max_length=20)]], msgspec.Meta(max_length=50)]


class Pairs(msgspec.Struct, frozen=True):
    """Answers about pairs: link (with the record of Procore as target), ignore or new, or leave."""

    connection: Name
    kind: Kind
    answers: Annotated[list[Said], msgspec.Meta(max_length=5000)]


class Accept(msgspec.Struct, frozen=True):
    """From which likeness on pairs are accepted in one go."""

    connection: Name
    kind: Kind
    threshold: Likeness = 95


class Number(msgspec.Struct, frozen=True):
    """How many."""

    number: int


class One(msgspec.Struct, frozen=True):
    """One row of a workbench."""

    connection: Name
    kind: Kind
    record: Id


class Search(msgspec.Struct, frozen=True):
    """Words to look for among Procore's records of a kind."""

    connection: Name
    kind: Kind
    q: Words = ""


class Mapped(msgspec.Struct, frozen=True):
    """Codes for what leads nowhere yet."""

    connection: Name
    answers: Annotated[list[Answered], msgspec.Meta(max_length=5000)]


class Start(msgspec.Struct, frozen=True):
    """How far back it begins: from a day on, with all that is open, or with as much history as can be read."""

    connection: Name
    mode: Literal["day", "open", "history"]
    day: date | None = None
    window: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 0


class Schedule(msgspec.Struct, frozen=True):
    """When it works by itself, and whether later plans wait for approval."""

    connection: Name
    interval: Text = "15m"
    hours: Text = "00:00-24:00"
    days: Text = "mon-sun"
    approve: Literal["manual", "auto"] = "manual"
    restored: bool = False
    """Whether a backup was restored for a try; said once, it need not be said again."""


class Step(msgspec.Struct, frozen=True):
    """A step that is done as it stands."""

    connection: Name
    step: Literal["survey", "ownership", "sites", "mapping", "vendors", "go_live"]
