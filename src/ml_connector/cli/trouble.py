"""Every failure as one clear sentence, a next step and an exit code; see docs/exit-codes.md."""

from __future__ import annotations

import errno
import os
import re
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import msgspec
from rich.console import Console
from rich.text import Text
from typer import Abort, TyperException

from ml_connector.cli.output import clean, encoded
from ml_connector.kernel.errors import Bug, ConnectorError, FixSetup
from ml_connector.kernel.text import redacted
from ml_connector.settings import HOME

_FULL = (errno.ENOSPC, errno.EDQUOT)

OK = 0
USAGE = 2
SETUP = FixSetup.exit_code
UNKNOWN_LEFT = 13
FOUND_WRONG = 15
STOPPED = 130
ENDED = 143

EXIT_CODES = {
    OK: "Done.",
    USAGE: "The command line makes no sense.",
    10: "Wait: it comes back by itself.",
    11: "A person must decide.",
    SETUP: "The set-up must be mended.",
    UNKNOWN_LEFT: "A write was sent and no answer came.",
    14: "The other side's rules said no.",
    FOUND_WRONG: "A check found something wrong.",
    70: "A fault of ours.",
    STOPPED: "Stopped by Ctrl-C.",
    ENDED: "Stopped by SIGTERM.",
}
"""Every exit code there is; each has its heading in docs/exit-codes.md."""


class Trouble(msgspec.Struct, frozen=True):
    """A failure as it is told to people and, with --json, to programs."""

    kind: str
    sentence: str
    next_step: str
    reference: str | None
    exit_code: int


def trouble_of(error: BaseException, home: Path, secrets: tuple[str, ...]) -> Trouble:
    """What to tell about an error. One we did not foresee is written to a log file, and the sentence names it."""
    if isinstance(error, ConnectorError):
        sentence, remedy = redacted(error.sentence, secrets), redacted(error.remedy, secrets)
        if isinstance(error, Bug):
            remedy = f"Report this with the file {keep_trace(error, home, secrets)}."
        return Trouble(_kind(error), sentence, remedy, error.reference, error.exit_code)
    if isinstance(error, TyperException):
        # A group named without its command: Typer's message is the whole help page.
        alone = type(error).__name__ == "NoArgsIsHelpError"
        sentence = "A command is missing." if alone else redacted(error.format_message(), secrets)
        return Trouble("usage", sentence, _help_of(error), None, USAGE)
    if isinstance(error, (KeyboardInterrupt, Abort)):
        step = "What was sent is written down: run again, and it goes on from there."
        return Trouble("stopped", "Stopped.", step, None, STOPPED)
    if isinstance(error, OSError) and (error.filename or error.errno in _FULL):
        place = f"{error.filename}" if error.filename else "The disk"
        step = f"Mend that, or set {HOME} to another folder, and run again."
        return Trouble("fix_setup", f"{place} cannot be used: {error.strerror}.", step, None, SETUP)
    kept = keep_trace(error, home, secrets)
    return Trouble(
        "bug",
        f"Something in ml-connector itself went wrong ({type(error).__name__}).",
        f"Report this with the file {kept}.",
        None,
        Bug.exit_code,
    )


def tell(trouble: Trouble, stream: TextIO, *, as_json: bool) -> None:
    """Prints a trouble on standard error: an object with --json, two lines else."""
    if as_json:
        stream.write(encoded({"error": trouble}) + "\n")
    elif stream.isatty():
        console = Console(file=stream, highlight=False, soft_wrap=True)
        reference = f" [{trouble.reference}]" if trouble.reference else ""
        console.print(Text(clean(trouble.sentence) + reference, style="bold red"))
        console.print(Text.assemble(("Next: ", "dim"), clean(trouble.next_step)))
    else:
        reference = f" [{trouble.reference}]" if trouble.reference else ""
        stream.write(f"Error: {clean(trouble.sentence)}{reference}\nNext: {clean(trouble.next_step)}\n")
    stream.flush()


def keep_trace(error: BaseException, home: Path, secrets: tuple[str, ...]) -> Path:
    """Writes an error with its trace to a file only this account can read, secrets left out; where it is.

    In the installation's folder, or in the system's temporary folder when that cannot be written.
    """
    text = redacted("".join(traceback.format_exception(error)), secrets)
    name = f"trouble-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}.log"
    for folder in (home / "logs", Path(tempfile.gettempdir())):
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError:
            continue
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            stream.write(text)
        return path
    return Path(os.devnull)


def _kind(error: ConnectorError) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()


def _help_of(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "ml-connector"
    return f"See `{command} --help`."
