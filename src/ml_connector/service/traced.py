"""What a log says of an error nobody expected: its kind and the places it came by, never a value."""

from __future__ import annotations

import traceback
from pathlib import Path

_PLACES = 6


def traced(error: BaseException) -> dict[str, str]:
    """The error's class, and the last places in the code it came by."""
    frames = traceback.extract_tb(error.__traceback__)[-_PLACES:]
    places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    return {"error": type(error).__name__, "places": places}
