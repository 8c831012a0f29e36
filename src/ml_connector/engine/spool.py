"""Changed documents on their way from reading to deciding, kept on disk so that memory stays flat."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Generic, TypeVar

import msgspec

from ml_connector.kernel.errors import FixSetup

_encoder = msgspec.msgpack.Encoder()
_Record = TypeVar("_Record", bound=msgspec.Struct)


class Spool(Generic[_Record]):
    """A file of pages of records of one kind, gone when closed. Pages come back in the order they were put.

    Raises FixSetup where the temporary folder takes no file or is full; nothing has been sent by then.
    """

    def __init__(self, kind: type[_Record]) -> None:
        self._decoder: msgspec.msgpack.Decoder[list[_Record]] = msgspec.msgpack.Decoder(list[kind])  # type: ignore[valid-type]
        try:
            self._file = tempfile.TemporaryFile(prefix="ml-connector-spool-")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise _no_room(error) from error
        self._sizes: list[int] = []
        self.records = 0

    def put(self, records: Sequence[_Record]) -> None:
        """Adds one page."""
        if not records:
            return
        data = _encoder.encode(records)
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise _no_room(error) from error
        self._sizes.append(len(data))
        self.records += len(records)

    def pages(self) -> Iterator[list[_Record]]:
        """Every page, one at a time."""
        self._file.seek(0)
        for size in self._sizes:
            yield self._decoder.decode(self._file.read(size))

    def close(self) -> None:
        """Gives the disk space back."""
        with suppress(OSError):  # what could not be written before cannot be written now
            self._file.close()

    def __enter__(self) -> Spool[_Record]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def whole_pages(records: Iterable[_Record], home: Callable[[_Record], str], size: int) -> Iterator[list[_Record]]:
    """Records by the page of `size` or few more; those of one `home` stay on one page, in the order of the first."""
    homes: dict[str, list[_Record]] = {}
    for one in records:
        homes.setdefault(home(one), []).append(one)
    page: list[_Record] = []
    for found in homes.values():
        page += found
        if len(page) >= size:
            yield page
            page = []
    if page:
        yield page


def _no_room(error: OSError) -> FixSetup:
    folder = tempfile.tempdir or os.environ.get("TMPDIR") or "the temporary folder"
    return FixSetup(
        f"The documents that were read cannot be put aside in {folder}: {error.strerror}.",
        remedy="Make room there, or set TMPDIR to another folder, and run again: nothing was sent.",
    )
