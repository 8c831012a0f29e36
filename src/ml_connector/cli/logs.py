"""Logs on standard error: readable on a terminal, one line an event elsewhere, JSON with --json; never a secret."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.text import redacted

VARIABLE = "ML_CONNECTOR_LOG"
"""Least weight of what is logged: debug, info, warning or error; default info."""

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Redactor:
    """Secrets seen so far in this process; nothing that is logged or told repeats one."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self.secrets = tuple(secret for secret in secrets if secret)

    def learn(self, *secrets: str) -> None:
        """From now on these are left out as well."""
        self.secrets = (*self.secrets, *(secret for secret in secrets if secret))

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """An event without secrets, as structlog's processors have it."""
        return {key: redacted(value, self.secrets) if isinstance(value, str) else value for key, value in event.items()}


class StandardError:
    """Standard error as it is when something is written: it may have been put elsewhere since the set-up."""

    def write(self, text: str) -> int:
        """Characters written."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Nothing is kept back."""
        sys.stderr.flush()


def level_from(environ: Mapping[str, str], *, verbose: bool) -> int:
    """The level asked for; BadInput when the variable holds something else."""
    if verbose:
        return logging.DEBUG
    word = environ.get(VARIABLE, "").strip().lower() or "info"
    if word not in _LEVELS:
        raise BadInput(f"{VARIABLE} is {word!r}.", remedy=f"It may be {', '.join(_LEVELS)}.")
    return _LEVELS[word]


def configure(level: int, redactor: Redactor, *, as_json: bool) -> None:
    """Sets up our log and that of the libraries: the latter from warnings on, all through the same form."""
    renderer: Any
    if as_json:
        renderer = structlog.processors.JSONRenderer()
    elif sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer(colors=True)
    else:
        renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    stream: Any = StandardError()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redactor,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    logging.getLogger("ml_connector").setLevel(level)
    # told of by the pool when Ctrl-C strikes while it takes a session back: the session is thrown away, nothing is lost
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)


def hush(environ: Mapping[str, str]) -> None:
    """From now on only warnings stand between the lines of a story, unless the variable or --verbose asked for more."""
    if VARIABLE not in environ and logging.getLogger("ml_connector").level == logging.INFO:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        logging.getLogger("ml_connector").setLevel(logging.WARNING)
