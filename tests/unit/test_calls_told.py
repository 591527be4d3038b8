"""Calls, told: cells of the export, wishes that contradict themselves, pages read only when they are wanted, purging."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from control_api.calls.export import COLUMNS, header, lines
from control_api.calls.repository import CallRepository, Row
from control_api.calls.schemas import CallSummary
from control_api.calls.service import CallService
from control_api.calls.wishes import CallFilter, known_zone, reporting_range
from control_api.errors import InvalidRequest
from control_api.paging import After
from control_api.principal import SCOPES, Principal
from store.session import AsService

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OWNER = Principal(tenant_id=UUID(int=1), subject="s", role="owner", scopes=frozenset(SCOPES), access=AsService())


def row(number: int = 0, **changes: Any) -> Row:
    blank: Row = dict.fromkeys(COLUMNS)
    facts = {
        "call_id": str(UUID(int=number + 1)),
        "assistant_id": str(uuid4()),
        "assistant_name": "Accueil",
        "source": "database",
        "direction": "inbound",
        "dialed": "+33142000001",
        "started_at": (NOON - timedelta(minutes=number)).isoformat(),
        "summary": "",
        "turns": 0,
        "tool_calls": 0,
        "booked": False,
        "message_left": False,
        "has_recording": False,
        "test": False,
    }
    return {**blank, **facts, **changes}


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("  =1", "'  =1"),
        ("＝1", "'＝1"),
        ("+33612345678,1", "'+33612345678,1"),
        ("+33612345678", "+33612345678"),
        ("book: checkup", "book: checkup"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_cells_that_a_spreadsheet_would_compute(text: str, cell: str) -> None:
    """They begin with an apostrophe; nothing else is touched, telephone numbers least of all."""
    written = (header("csv") + lines("csv", [CallSummary.model_validate(row(summary=text))])).decode()
    (found,) = csv.DictReader(io.StringIO(written, newline=""))
    assert found["summary"] == cell


class Shelf(CallRepository):
    """So many calls; counts the pages that were read."""

    def __init__(self, calls: int) -> None:
        self.rows = [row(number) for number in range(calls)]
        self.pages = 0

    async def find_page(
        self, principal: Principal, wanted: CallFilter, *, after: After | None, limit: int
    ) -> list[Row]:
        self.pages += 1
        later = [r for r in self.rows if after is None or r["started_at"] < after.at]
        return later[:limit]


async def test_an_export_reads_no_further_than_it_is_taken() -> None:
    """A slow reader holds one page in memory, whatever there is; all of it comes in the end."""
    shelf = Shelf(1200)
    content = await CallService(shelf, lambda: NOON).export(OWNER, CallFilter(), "jsonl")
    assert shelf.pages == 1
    chunks = [await anext(content), await anext(content)]
    assert shelf.pages == 1
    chunks.append(await anext(content))
    assert shelf.pages == 2
    chunks.extend([chunk async for chunk in content])
    assert b"".join(chunks).count(b"\n") == 1200
    assert shelf.pages == 3


async def test_an_export_of_nothing() -> None:
    """A file with its columns and no line."""
    content = await CallService(Shelf(0), lambda: NOON).export(OWNER, CallFilter(), "csv")
    assert b"".join([chunk async for chunk in content]) == header("csv")


def test_ranges_that_were_not_said() -> None:
    """Thirty days up to now, or up to the end that was given."""
    found = reporting_range(None, None, now=NOON)
    assert (found.since, found.before) == (NOON - timedelta(days=30), NOON)
    found = reporting_range(None, NOON - timedelta(days=5), now=NOON)
    assert found.since == NOON - timedelta(days=35)
    assert reporting_range(NOON - timedelta(days=400), None, now=NOON).before == NOON
    with pytest.raises(InvalidRequest):
        reporting_range(NOON - timedelta(days=400, seconds=1), None, now=NOON)
    with pytest.raises(InvalidRequest):
        reporting_range(NOON, NOON, now=NOON)


@pytest.mark.parametrize(
    "name", ["Mars/Base", "../../etc/passwd", "/etc/passwd", "", "Europe", "a" * 64, "Europe/Paris\x00"]
)
def test_zones_that_are_none(name: str) -> None:
    """Refused with words, whatever the file system thinks of them."""
    with pytest.raises(InvalidRequest):
        known_zone(name)


async def test_a_purge_that_never_ends_ends() -> None:
    """However much is too old, one turn is bounded."""

    class Endless(CallRepository):
        turns = 0

        def __init__(self) -> None: ...

        async def purge_expired(self, *, limit: int) -> int:
            type(self).turns += 1
            return limit

    assert await CallService(Endless(), lambda: NOON).purge_expired() == Endless.turns * 200
    assert Endless.turns == 500
