"""One command's surroundings: settings, who is at the keyboard, where output goes, and the App when it is needed."""

from __future__ import annotations

import getpass
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer

from ml_connector.app import App
from ml_connector.cli.logs import Redactor
from ml_connector.cli.output import Output
from ml_connector.cli.progress import Shown
from ml_connector.desk import KEY_VARIABLE
from ml_connector.kernel.errors import BadInput, NothingSuchHere
from ml_connector.settings import DATABASE_URL, OIDC_CLIENT_SECRET, Settings, settings_from

ERP_SECRET = "ML_CONNECTOR_ERP_CLIENT_SECRET"  # noqa: S105 - the name of a variable
"""IFS client secret for `connection add` and `edit`, when it shall not stand in the file."""
PROJECTS_SECRET = "ML_CONNECTOR_PROJECTS_CLIENT_SECRET"  # noqa: S105 - the name of a variable
"""The same for Procore."""


if sys.platform != "win32":
    import pwd

_PASSWORD = re.compile(r"password=([^\s&]+)")


class Session:
    """What a command has at hand."""

    def __init__(self, environ: Mapping[str, str], *, as_json: bool) -> None:
        self.environ = environ
        self.settings: Settings = settings_from(environ)
        self.out = Output(sys.stdout, as_json=as_json)
        self.redactor = Redactor(_secrets_of(environ))

    @contextmanager
    def app(self, title: str = "") -> Iterator[App]:
        """The App, with progress under `title` when the work may be long."""
        if not title:
            with App.open(self.settings, actor()) as app:
                yield app
            return
        with Shown(sys.stderr, title) as progress, App.open(self.settings, actor(), progress) as app:
            yield app

    def pick(self, app: App, *given: str | None) -> str:
        """The connection meant: the one named, or the only one there is. Names given twice must agree."""
        named = {name for name in given if name}
        if len(named) > 1:
            raise BadInput(f"Two connections are named: {' and '.join(sorted(named))}.", remedy="Name one.")
        if named:
            return named.pop()
        names = [row.name for row in app.connections()]
        if not names:
            raise NothingSuchHere(
                "There is no connection yet.", remedy="Add one: `ml-connector connection add NAME --from FILE`."
            )
        if len(names) > 1:
            raise BadInput(f"There are {len(names)} connections.", remedy=f"Say which with -c: {', '.join(names)}.")
        return names[0]


def session_of(ctx: typer.Context) -> Session:
    """The session the door opened for this command."""
    session: Any = ctx.find_root().obj
    assert isinstance(session, Session)
    return session


def actor() -> str:
    """Who is at the keyboard, as the audit trail names them: the account of this process, whatever variables say."""
    try:
        if sys.platform == "win32":  # where accounts have no numbers
            return getpass.getuser()
        return pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, OSError, ImportError):
        # An account without a name, as containers have.
        return "operator"


def text_from(path: str) -> str:
    """The text of a file, or of standard input for "-"; BadInput when it cannot be read."""
    if path == "-":
        return sys.stdin.read()
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInput(f"{path} cannot be read: {reason}.", remedy="Name a file, or - for standard input.") from None


def write_text(path: Path, text: str) -> None:
    """Writes a new text over a file; BadInput when it cannot be written."""
    try:
        path.expanduser().write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.", remedy="Name another file.") from None


def _secrets_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Secrets that stand in the environment."""
    found = [environ.get(name, "") for name in (ERP_SECRET, PROJECTS_SECRET, OIDC_CLIENT_SECRET)]
    found += environ.get(KEY_VARIABLE, "").split()
    url = environ.get(DATABASE_URL, "")
    found += _PASSWORD.findall(url)
    with suppress(ValueError):
        found += [part for part in (urlsplit(url).password,) if part]
    return tuple(found)
