"""Work breakdown structure: the segments of a project and their items, asked once and kept (facts/procore.md 7.2)."""

from __future__ import annotations

import threading

import msgspec

from ml_connector.systems.procore.answers import BUDGET_CODES
from ml_connector.systems.procore.client import Client


class SegmentRow(msgspec.Struct):
    """The members of a segment we use."""

    id: int
    type: str | None = None
    delimiter: str | None = None
    structure: str | None = None


class ItemRow(msgspec.Struct):
    """The members of a segment item we use."""

    id: int
    code: str | None = None
    path_code: str | None = None
    status: str | None = None


class Segment(msgspec.Struct):
    """A segment with its items by full code."""

    id: int
    items: dict[str, int]


class Tiers(msgspec.Struct):
    """How the cost codes of a project are written: what stands between tiers; empty where codes have no tiers."""

    delimiter: str


_segments = msgspec.json.Decoder(list[SegmentRow])
_items = msgspec.json.Decoder(list[ItemRow])


class Segments:
    """The cost code and cost type segments of each project we write to; thread safe."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.RLock()
        self._rows: dict[str, list[SegmentRow]] = {}
        self._kept: dict[tuple[str, str], Segment] = {}

    def tiers(self, project: str) -> Tiers:
        """Whether and how the project's cost codes are tiered; the setting speaks where Procore is silent."""
        for row in self._all(project):
            if row.type == "cost_code":
                flat = row.structure == "flat"
                return Tiers("" if flat else row.delimiter or self._client.settings.cost_code_delimiter)
        return Tiers(self._client.settings.cost_code_delimiter)

    def segment(self, project: str, kind: str) -> Segment | None:
        """The segment `cost_code` or `line_item_type` with its items; None when the project has none such."""
        with self._lock:
            kept = self._kept.get((project, kind))
            if kept is not None:
                return kept
            for row in self._all(project):
                if row.type == kind:
                    made = Segment(row.id, self._read_items(project, row.id))
                    self._kept[project, kind] = made
                    return made
            return None

    def forget(self, project: str) -> None:
        """Items of the project are read again when next asked for: codes were made, or one was missing."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == project]:
                del self._kept[key]

    def _all(self, project: str) -> list[SegmentRow]:
        with self._lock:
            if project not in self._rows:
                path = f"/rest/v1.0/projects/{project}/work_breakdown_structure/segments"
                self._rows[project] = self._client.get(path, (), _segments, BUDGET_CODES)
            return self._rows[project]

    def _read_items(self, project: str, segment: int) -> dict[str, int]:
        path = f"/rest/v1.0/projects/{project}/work_breakdown_structure/segments/{segment}/segment_items"
        rows = self._client.pages(path, (), _items, BUDGET_CODES)
        return {row.path_code or row.code or "": row.id for row in rows if row.status != "inactive"}
