"""Lists as files: CSV and XLSX, with nothing in them that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

import msgspec
import xlsxwriter
from starlette.responses import Response

from ml_connector.kernel.currency import DECIMALS
from ml_connector.kernel.errors import BadInput
from ml_connector.views.listing import MOST_EXPORTED, MOST_ROWS, Column, Listing, Look
from ml_connector.views.trail_files import RISKY

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


CUT = (
    f"Cut at {MOST_EXPORTED:,} rows: there are more. Filter the list and export its parts, or read it page by page "
    "through the API."
)
"""The last row of a file that does not have every row."""


class Still(Protocol):
    """What can look at one moment for a while, as a Page does."""

    def still(self) -> AbstractContextManager[None]:
        """While this goes on, rows do not move between pages."""


def export(page: Still, how: str, name: str, look: Look, ask: Callable[[Any], Listing]) -> Response:
    """All rows a look finds at one moment, whatever its page, as a file called `name`; `how` is csv or xlsx.

    `ask` answers one look with one page. At most MOST_EXPORTED rows; a file that is cut there says so in its last row.
    The file is whole before any of it is sent, so that what cannot be listed is said instead of a file.
    """
    safe = file_name(name) or "export"
    headers = {"content-disposition": f'attachment; filename="{safe}.{how}"'}
    if how not in ("csv", "xlsx"):
        raise BadInput(f"A list cannot be had as {how!r}.", remedy="Choose csv or xlsx.")
    with page.still():
        pages = _pages(look, ask)
        if how == "xlsx":
            return Response(_xlsx(safe, pages), media_type=_XLSX, headers=headers)
        return Response("".join(_csv(pages)), media_type="text/csv; charset=utf-8", headers=headers)


def flat(found: Listing) -> Listing:
    """A list as a file has it whose money has several currencies: a column of money is one figure, the first, so that
    further currencies stand in a column of text."""
    columns: list[Column] = []
    for column in found.columns:
        columns += (
            [column] if column.kind != "money" else [column, Column(f"{column.key}_too", f"{column.title}, others")]
        )
    for row in found.rows:
        for column in found.columns:
            if column.kind == "money":
                first, *others = row[column.key] or [None]
                row[f"{column.key}_too"] = _amounts(others)
                row[column.key] = first
    return msgspec.structs.replace(found, columns=tuple(columns))


def file_name(text: str) -> str:
    """`text` as a name every system takes: letters and digits of ASCII, parted by dashes; empty when none is left."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text).strip("-")


_LAST = (Column("cut", "Cut"),)


def _pages(look: Look, ask: Callable[[Any], Listing]) -> Iterator[Listing]:
    number, had = 1, 0
    while True:
        page = ask(msgspec.structs.replace(look, page=number, size=MOST_ROWS))
        yield page
        had += len(page.rows)
        if page.more and had >= MOST_EXPORTED:
            yield msgspec.structs.replace(page, columns=_LAST, rows=[{"cut": CUT}])
        if not page.more or had >= MOST_EXPORTED:
            return
        number += 1


def _csv(pages: Iterator[Listing]) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text)
    for number, page in enumerate(pages):
        if not number:
            text.write("\ufeff")  # so that spreadsheets read it as UTF-8
            writer.writerow([title for column in page.columns for title in _titles(column)])
        for row in page.rows:
            writer.writerow([_plain(cell) for column in page.columns for cell in cells(column, row.get(column.key))])
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def _xlsx(name: str, pages: Iterator[Listing]) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file,
        {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    sheet = book.add_worksheet(name[:31])
    bold = book.add_format({"bold": True})
    moments = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    amounts = [book.add_format({"num_format": f"#,##0{'.' if places else ''}{'0' * places}"}) for places in range(7)]
    line = 1
    for number, page in enumerate(pages):
        if not number:
            sheet.write_row(0, 0, [title for column in page.columns for title in _titles(column)], bold)
            sheet.freeze_panes(1, 0)
        for row in page.rows:
            found = [cell for column in page.columns for cell in cells(column, row.get(column.key))]
            for place, cell in enumerate(found):
                if isinstance(cell, datetime):
                    sheet.write_datetime(line, place, cell.astimezone(UTC).replace(tzinfo=None), moments)
                elif isinstance(cell, Decimal):
                    sheet.write_number(line, place, float(cell), amounts[min(-int(cell.as_tuple().exponent), 6)])
                elif isinstance(cell, (int, float)) and not isinstance(cell, bool):
                    sheet.write_number(line, place, cell)
                else:
                    sheet.write_string(line, place, _text(cell)[:32_000])
            line += 1
    book.close()
    return file.getvalue()


def _titles(column: Column) -> tuple[str, ...]:
    if column.kind == "money":
        return column.title, f"{column.title} currency"
    return (f"{column.title} (UTC)",) if column.kind == "moment" else (column.title,)


def cells(column: Column, value: Any) -> tuple[Any, ...]:
    """The cells of a file that a cell of a list becomes: money is a figure and its currency."""
    if column.kind == "money":
        found = value if isinstance(value, list) else [value] if value else []
        if len(found) > 1:  # a figure in several currencies is text: there is no sum of them
            return _amounts(found), ""
        return (_figure(found[0]), found[0]["currency"]) if found else (None, "")
    if column.kind == "moment" and isinstance(value, str) and value:
        return (datetime.fromisoformat(value),)
    if isinstance(value, dict):
        return (value.get("text", value.get("word", "")),)
    return (value,)


def _figure(money: dict[str, str]) -> Decimal:
    """An amount with its currency's number of places, or as many more as it has."""
    amount, places = Decimal(money["amount"]), DECIMALS.get(money["currency"], 2)
    if not amount.is_finite():
        return amount
    finer = -int(amount.normalize().as_tuple().exponent)
    return Decimal(f"{amount:.{max(places, finer)}f}")


def _amounts(found: Sequence[dict[str, str]]) -> str:
    return ", ".join(f"{_figure(one)} {one['currency']}" for one in found)


def _plain(cell: Any) -> str:
    """A cell as text; what a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(cell, Decimal):
        return str(cell)
    text = _text(cell)
    return f"'{text}" if text.startswith(RISKY) and not isinstance(cell, (int, float)) else text


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(cell, (list, tuple)):
        return ", ".join(_text(one) for one in cell)
    return str(cell)
