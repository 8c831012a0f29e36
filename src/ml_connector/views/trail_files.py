"""The audit trail as a file: JSON lines, CSV or XLSX, batch by batch; nothing in it is run by a spreadsheet."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import NamedTuple

import msgspec
import xlsxwriter

from ml_connector.kernel.errors import BadInput
from ml_connector.views.audit import Row, row_form

KINDS = {
    "jsonl": "application/jsonl",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Form to the media type of its file."""
SHEET = 1_000_000
"""Rows that a sheet takes; a longer trail goes on the next sheet."""

_HEADERS = ("row", "at (UTC)", "actor", "what", "record", "run", "details", "hash")
RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a formula may begin with; the last four are the wide forms, which some spreadsheets take for the others."""
_CHUNK = 1 << 16


class Part(NamedTuple):
    """A part of the file, and how many rows of the trail it has."""

    data: bytes
    rows: int


def trail_file(form: str, batches: Iterable[list[Row]]) -> Iterator[Part]:
    """The file, part by part, in the order of the batches; BadInput for a form that is not known."""
    makers = {"jsonl": _lines, "csv": _csv, "xlsx": _xlsx}
    if form not in makers:
        raise BadInput(f"The trail cannot be had as {form!r}.", remedy=f"Choose {', '.join(makers)}.")
    return makers[form](batches)


def _lines(batches: Iterable[list[Row]]) -> Iterator[Part]:
    encoder = msgspec.json.Encoder()
    for batch in batches:
        yield Part(encoder.encode_lines([row_form(row) for row in batch]), len(batch))


def _csv(batches: Iterable[list[Row]]) -> Iterator[Part]:
    yield Part(("\ufeff" + ",".join(_HEADERS) + "\r\n").encode(), 0)  # so that spreadsheets read it as UTF-8
    for batch in batches:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerows([_safe(cell) for cell in _cells(row)] for row in batch)
        yield Part(text.getvalue().encode(), len(batch))


def _xlsx(batches: Iterable[list[Row]]) -> Iterator[Part]:
    """Rows are written past memory to a file that is gone when it is given away."""
    number = 0
    with tempfile.TemporaryFile() as file:
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        book = xlsxwriter.Workbook(file, options)
        sheet = None
        for batch in batches:
            for row in batch:
                line = number % SHEET
                if line == 0 or sheet is None:
                    sheet = book.add_worksheet(f"audit {number // SHEET + 1}")
                    sheet.write_row(0, 0, _HEADERS)
                for place, cell in enumerate(_cells(row)):
                    if isinstance(cell, str):
                        sheet.write_string(line + 1, place, cell)
                    else:
                        sheet.write_number(line + 1, place, cell)
                number += 1
        if sheet is None:
            book.add_worksheet("audit 1").write_row(0, 0, _HEADERS)
        book.close()
        file.seek(0)
        while data := file.read(_CHUNK):
            yield Part(data, number)
            number = 0


def _cells(row: Row) -> tuple[int | str, ...]:
    form = row_form(row)
    at = row.at.astimezone(UTC).isoformat(timespec="milliseconds")
    details = msgspec.json.encode(row.details).decode()[:32_000] if row.details else ""
    return row.seq, at, row.actor, row.tag, str(form["record"])[:32_000], row.run or "", details, row.hash


def _safe(cell: int | str) -> str:
    """A cell as text; what a spreadsheet would take for a formula gets an apostrophe before it."""
    text = str(cell)
    return f"'{text}" if isinstance(cell, str) and text.startswith(RISKY) else text
