"""One page as its handler sees it: who asks, from what, and how to answer."""

from __future__ import annotations

import base64
import binascii
import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ml_connector.access.permissions import Permission
from ml_connector.access.principal import Principal
from ml_connector.access.users import titles
from ml_connector.actions.action import Action
from ml_connector.actions.perform import perform
from ml_connector.actions.playground import Playground
from ml_connector.app import App
from ml_connector.console.entries import off
from ml_connector.console.rendering import render
from ml_connector.kernel.clock import system_clock
from ml_connector.kernel.errors import BadInput
from ml_connector.views.menu import MenuCounts
from ml_connector.web.asking import Asker

_Taken = TypeVar("_Taken", bound=msgspec.Struct)

_SAID_COOKIE = "mlc-said"
_SAID_MOST = 1500
MOST_ADDRESS = 4000
"""Characters of an address that a page leads to, as it is sent."""
_TONES = ("good", "bad", "info", "warning")


class Surroundings(NamedTuple):
    """What all pages of a door share."""

    app: App
    https: bool = False
    """Whether browsers reach us over https."""
    playground: Playground | None = None
    """What a demo hands over, else None."""
    menu: MenuCounts = MenuCounts()
    """What the menu counts, shared by all pages."""


class Page:
    """A request of somebody known, or of a stranger on an open page (`asker` None)."""

    def __init__(self, around: Surroundings, request: Request, asker: Asker | None, form: FormData | None) -> None:
        self.around = around
        self.request = request
        self.asker = asker
        self.form: FormData = form if form is not None else FormData()
        self.app: App = around.app.acting_as(asker.who.name) if asker else around.app
        self.said: list[tuple[str, str]] = _said_of(request, around)
        self._saying: list[tuple[str, str]] = []
        self._connections: list[Any] | None = None
        self._people: dict[str, str] | None = None

    # what is asked --------------------------------------------------------------------------------------------

    @property
    def who(self) -> Principal:
        """Who asks; only pages that are not open may want to know."""
        assert self.asker is not None
        return self.asker.who

    @property
    def csrf(self) -> str:
        """The word that every form of this session carries; empty for a stranger."""
        return self.asker.csrf if self.asker else ""

    @property
    def demo(self) -> bool:
        """Whether there is a sandbox to play with."""
        return self.around.playground is not None

    @property
    def now(self) -> datetime:
        """The present moment by which the connector works; in the demo the sandbox's."""
        return self.app.clock()

    @property
    def wall(self) -> datetime:
        """The present moment by which the database stamps what it keeps; no demo moves it."""
        return system_clock()

    @property
    def connection(self) -> str:
        """The connection the address names; empty where it names none."""
        return str(self.request.path_params.get("connection", ""))

    @property
    def connections(self) -> list[Any]:
        """Every connection with its `name` and `title`, for the menu; none for a stranger."""
        if self._connections is None:
            self._connections = self.app.connections() if self.asker else []
        return self._connections

    @property
    def connection_title(self) -> str:
        """What people call the connection at hand; its name where it has no title."""
        titles = {one.name: one.title for one in self.connections}
        return titles.get(self.connection) or self.connection

    def person(self, name: str, begins: bool = False) -> str:
        """Somebody as this page calls them: you, by their own name, or as the trail has them; `begins` a sentence or
        stands alone. What follows a comma stays: `otto, by hand`."""
        who, comma, rest = name.partition(", ")
        if self.asker and who == self.who.name:
            return f"{'You' if begins else 'you'}{comma}{rest}"
        if self._people is None:
            self._people = titles(self.app) if self.asker else {}
        return f"{self._people.get(who, who)}{comma}{rest}"

    @property
    def counts(self) -> dict[str, int]:
        """Figures beside the menu's ways, of the connection at hand."""
        if self.asker is None:
            return {}
        only = self.connections[0].name if len(self.connections) == 1 else ""
        return self.around.menu.of(self.app, self.connection or only) if self.connection or only else {}

    @property
    def zone(self) -> str:
        """The zone this person reads times in; empty for the browser's own."""
        return self.asker.who.zone if self.asker else ""

    @property
    def address(self) -> str:
        """The path asked for, without its query."""
        return self.request.url.path

    @property
    def partial(self) -> bool:
        """Whether only a part of the page is wanted, by a script of ours."""
        return self.request.headers.get("hx-request") == "true"

    def part(self, name: str) -> str:
        """A named part of the address."""
        return str(self.request.path_params[name])

    def can(self, permission: str) -> bool:
        """Whether this person has a right, by its small name: look, work, approve, configure, users, own."""
        return self.asker is not None and Permission(permission) in self.asker.who.permissions

    def field(self, name: str, otherwise: str = "") -> str:
        """One field of the form, as typed, without spaces around it."""
        value = self.form.get(name, otherwise)
        return value.strip() if isinstance(value, str) else otherwise

    def fields(self, name: str) -> list[str]:
        """Every value of a field that may be given more than once, such as checked rows."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def upload(self, name: str) -> bytes:
        """The bytes of an uploaded file; its name is never looked at. Empty when none was chosen."""
        value = self.form.get(name)
        return value.file.read() if isinstance(value, UploadFile) else b""

    def query(self, kind: type[_Taken], **more: Any) -> _Taken:
        """The query of the address as a value of `kind`, with the parts of the path; BadInput says what is off."""
        given: dict[str, Any] = {name: value for name, value in self.request.query_params.items() if value != ""}
        known = {field.encode_name for field in msgspec.structs.fields(kind)}
        return taken(kind, {name: value for name, value in {**given, **self._path(), **more}.items() if name in known})

    def posted(self, kind: type[_Taken], **more: Any) -> _Taken:
        """The form as a value of `kind`, with the parts of the path; BadInput says what is off."""
        lists = {field.encode_name for field in msgspec.structs.fields(kind) if _is_list(field.type)}
        known = {field.encode_name for field in msgspec.structs.fields(kind)}
        given = {name: self.fields(name) if name in lists else self.field(name) for name in self.form if name in known}
        return taken(kind, {**given, **{k: v for k, v in {**self._path(), **more}.items() if k in known}})

    def _path(self) -> dict[str, Any]:
        return dict(self.request.path_params)

    # what is done ---------------------------------------------------------------------------------------------

    def do(self, action: Action, given: Any) -> Any:
        """What the action gives; NotAllowed when this person may not do it."""
        if action.writes:
            self.around.menu.forget(self.connection)
        return perform(self.around.app, self.who, action, given, self.around.playground)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Has all that is done meanwhile, which may only look, look at one moment: rows do not move between pages."""
        around, app = self.around, self.app
        with around.app.db.still() as db:
            seen = copy.copy(around.app)
            seen.db = db
            self.around, self.app = around._replace(app=seen), seen.acting_as(app.actor)
            try:
                yield
            finally:
                self.around, self.app = around, app

    # what is answered -----------------------------------------------------------------------------------------

    def say(self, sentence: str, tone: str = "good") -> None:
        """Has a sentence shown with this answer, or on the page it leads to. Tones: good, bad, info, warning."""
        self._saying.append((tone, sentence))

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page from a template, which gets `page` and the values."""
        self.said = [*self.said, *self._saying]
        answer = HTMLResponse(render(template, page=self, **values), status)
        if self.request.cookies.get(_said_cookie(self.around)):
            answer.delete_cookie(_said_cookie(self.around), secure=self.around.https, httponly=True)
        return answer

    def redirect(self, path: str, said: str = "", tone: str = "good") -> Response:
        """Leads to another page of ours, where the sentence is shown once."""
        if len(path) > MOST_ADDRESS:
            raise BadInput("What was typed is too long for an address.", remedy="Use fewer words.")
        if said:
            self.say(said, tone)
        answer = RedirectResponse(path, 303)
        if self._saying:
            text = msgspec.json.encode([(tone, one[:400]) for tone, one in self._saying])[:_SAID_MOST]
            word = base64.urlsafe_b64encode(text).decode()
            name = _said_cookie(self.around)
            answer.set_cookie(name, word, 60, secure=self.around.https, httponly=True, samesite="strict", path="/")
        return answer

    def to(self, **changes: Any) -> str:
        """This very address with some of its query changed; None takes a field out."""
        query = {**self.request.query_params, **changes}
        kept = {name: str(value) for name, value in query.items() if value not in (None, "")}
        return f"{self.address}?{urlencode(kept)}" if kept else self.address


class Route(NamedTuple):
    """One address of the console. `open` ones are for strangers, too; the others take the permission. Those `abroad`
    ask somebody else, who may take long, and keep nobody waiting but one another."""

    path: str
    handler: Callable[[Page], Response]
    methods: tuple[str, ...] = ("GET",)
    permission: Permission = Permission.LOOK
    open: bool = False
    abroad: bool = False


def taken(kind: type[_Taken], given: Mapping[str, Any]) -> _Taken:
    """`given`, all of it text as browsers send it, as a value of `kind`; BadInput says which entry is off."""
    try:
        return msgspec.convert(dict(given), kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadInput(off(str(error)), remedy="Correct it and send it again.") from None


def _is_list(kind: Any) -> bool:
    bare = kind.__origin__ if hasattr(kind, "__metadata__") else kind
    return getattr(bare, "__origin__", bare) in (list, tuple)


def _said_cookie(around: Surroundings) -> str:
    """The cookie a sentence travels in; over https no neighbouring host can set it."""
    return f"__Host-{_SAID_COOKIE}" if around.https else _SAID_COOKIE


def _said_of(request: Request, around: Surroundings) -> list[tuple[str, str]]:
    """What the page before wanted said; nothing where that cannot be read."""
    word = request.cookies.get(_said_cookie(around), "")
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(word), type=list[tuple[str, str]]) if word else []
    except (msgspec.DecodeError, binascii.Error, ValueError):
        return []
    return [(tone, sentence) for tone, sentence in found if tone in _TONES]
