"""`make chaos`: one storm from the command line. It prints its seed, what it did, and what was wrong in the end."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from store.cluster import Cluster

from .storm import Weather, prepared, weathered


def main() -> int:
    """The exit code: 0 when everything agreed at rest."""
    usual = Weather(seed=0)
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 10_000))
    for name in ("connections", "workers", "kills", "freezes", "cuts", "restarts"):
        parser.add_argument(f"--{name}", type=int, default=getattr(usual, name))
    for name in ("seconds", "rest"):
        parser.add_argument(f"--{name}", type=float, default=getattr(usual, name))
    weather = replace(usual, **vars(parser.parse_args()))
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:7.1f} s  {text}\n")
        sys.stdout.flush()

    say(f"seed {weather.seed}: repeat it with `make chaos ARGS='--seed {weather.seed}'` and the same other words")
    with tempfile.TemporaryDirectory(prefix="mlc-chaos-") as folder:
        cluster = Cluster(Path(folder, "postgres"))
        try:
            with prepared(weather, cluster, Path(folder), say) as storm:
                wrong = weathered(storm, say)
        finally:
            cluster.close()
    say("everything agrees" if not wrong else f"{len(wrong)} things are wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
