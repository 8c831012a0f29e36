"""Runs every measurement, or those named with --only: orders, documents of money, the door, an answer to a webhook."""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.money import KINDS

ORDERS = "orders"
DOOR = "door"
ANSWERING = "answering"


def main() -> int:
    """Runs each module in a process of its own; the first exit code that is not 0 ends it all."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("sizes", nargs="*", type=int, default=[1000, 10000], help="documents of each kind")
    parser.add_argument("--only", action="append", choices=(ORDERS, *KINDS, DOOR, ANSWERING), help="may be said again")
    given = parser.parse_args()
    sizes = [str(size) for size in sorted(given.sizes)]
    chosen = given.only or [ORDERS, *KINDS, DOOR, ANSWERING]
    kinds = [word for name in KINDS if name in chosen for word in ("--only", name)]
    runs = [["benchmarks.orders", *sizes]] if ORDERS in chosen else []
    runs += [["benchmarks.money", *sizes, *kinds]] if kinds else []
    runs += [["benchmarks.door"]] if DOOR in chosen else []
    runs += [["benchmarks.answering"]] if ANSWERING in chosen else []
    for words in runs:
        code = subprocess.run([sys.executable, "-m", *words]).returncode  # noqa: S603 - our own modules
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
