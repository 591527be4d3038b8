"""What the README tells an owner to paste puts the business on the line."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from sandbox.database import Database
from store.calls import open_store
from tests.fakes.tool_calls import inbound_call

pytestmark = pytest.mark.database
ROOT = Path(__file__).resolve().parents[2]


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "first_assistant.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, timeout=30
    )


async def test_the_printed_sql_makes_an_assistant_that_answers(database: Database) -> None:
    printed = script("presets/health.fr.yaml", "--number", "+33 4 78 00 00 00", "--event-type", "detartrage=123")
    assert printed.returncode == 0, printed.stderr
    with psycopg.connect(database.postgres_url) as connection:
        connection.execute(printed.stdout.encode())
    store = await open_store(database.url, database.service_key)
    try:
        context = await store.open_call(inbound_call(dialed="+33478000000"))
    finally:
        await store.aclose()
    assert context.config.business.name == "Cabinet dentaire du Parc"
    assert context.calendar is not None
    assert context.calendar.event_types == {"detartrage": 123}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("presets/none.yaml", "--number", "+33478000000"), "No such file"),
        (("presets/health.fr.yaml", "--number", "12"), "E.164"),
        (("presets/health.fr.yaml", "--number", "+33478000000", "--event-type", "massage=1"), "no such service"),
    ],
)
def test_bad_input_prints_no_sql_and_says_what_to_do(arguments: tuple[str, ...], says: str) -> None:
    done = script(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
