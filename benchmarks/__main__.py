"""Runs every measurement, or those named with --only: orders, documents of money, then the service, part by part."""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.money import KINDS

ORDERS = "orders"
SERVICE = {
    "door": "--seconds=10",
    "answering": "--small",
    "scaling": "--small",
    "idle": "--small",
    "flood": "--small",
    "console": "--small",
}
"""Parts of the service, each a module of its own, to what makes it short."""


def main() -> int:
    """Runs each module in a process of its own; the first exit code that is not 0 ends it all."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("sizes", nargs="*", type=int, default=[1000, 10000], help="documents of each kind")
    parser.add_argument("--only", action="append", choices=(ORDERS, *KINDS, *SERVICE), help="may be said again")
    parser.add_argument(
        "--small", action="store_true", help="of the service: half a minute a part, to see that it works"
    )
    given = parser.parse_args()
    sizes = [str(size) for size in sorted(given.sizes)]
    chosen = given.only or [ORDERS, *KINDS, *SERVICE]
    kinds = [word for name in KINDS if name in chosen for word in ("--only", name)]
    runs = [["benchmarks.orders", *sizes]] if ORDERS in chosen else []
    runs += [["benchmarks.money", *sizes, *kinds]] if kinds else []
    runs += [
        [f"benchmarks.{part}", *([short] if given.small else [])] for part, short in SERVICE.items() if part in chosen
    ]
    for words in runs:
        code = subprocess.run([sys.executable, "-m", *words]).returncode  # noqa: S603 - our own modules
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
