"""Somebody calls an assistant from the page /try: a browser on the real LiveKit server, with a recording for a voice."""

import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from control_api.app import create_app
from demo.api import listening, try_address
from demo.ring import expect_plan
from sandbox.browser import Browser, Microphone
from sandbox.callers import get_recording
from sandbox.postgres import free_port
from tests.fakes.real_line import SHORT_GREETING, Line

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="session")]

RATE = 48_000
WORDS = 'document.querySelector("#transcript li[data-speaker=%s]")?.innerText ?? ""'
ANSWERED = '[...document.querySelectorAll("#transcript li")].map((li) => li.dataset.speaker).join(" ")'
PROBLEM = "document.querySelector('#problem').checkVisibility()"
# how long the first thing that AVA says was, each time it changed
WATCH_GROWTH = """
window.lengths = [];
new MutationObserver(() => {
  const said = document.querySelector("#transcript li[data-speaker=assistant] span");
  const length = said ? said.innerText.length : 0;
  if (length && window.lengths.at(-1) !== length) window.lengths.push(length);
}).observe(document.getElementById("transcript"), {subtree: true, childList: true, characterData: true});
"""


def spoken(folder: Path, utterance: str) -> Path:
    """A microphone into which somebody says it, again and again, with time for an answer in between."""
    silence = b"\0\0" * RATE
    path = folder / f"{utterance}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(silence * 6 + get_recording(utterance, rate_hz=RATE).pcm + silence * 7)
    return path


@asynccontextmanager
async def at_the_page(line: Line, microphone: Microphone, *, url: str | None = None) -> AsyncIterator[Browser]:
    """Signed in, with the practice chosen."""
    async with Browser(microphone=microphone) as page:
        await page.looks(width=390, height=844)
        await page.opens(try_address(url or line.exchange.api_url, line.exchange.token, line.practice.assistant_id))
        await page.until(
            "document.querySelector('#dial')?.checkVisibility() && !document.querySelector('#dial').disabled"
        )
        yield page


async def record_of(line: Line, page: Browser) -> dict[str, Any]:
    """As the page names it, once it is there."""
    shown = await page.until(
        "document.getElementById('record').checkVisibility() && document.getElementById('record').innerText"
    )
    call_id = shown.rpartition("/v1/calls/")[2].strip()
    call: dict[str, Any] = await line.exchange.owner.ask("GET", f"/v1/calls/{call_id}")
    return call


async def test_somebody_calls_from_a_browser_and_reads_along(line: Line, tmp_path: Path) -> None:
    """The greeting is heard and its words come as they are spoken, to one who is muted; what is said after it is understood,
    shown and answered; hanging up closes the record, which is a test's."""
    await expect_plan(line.exchange, ["fr-pay-card"])
    async with at_the_page(line, spoken(tmp_path, "fr-pay-card")) as page:
        await page.evaluate(WATCH_GROWTH)
        await page.clicks("#dial")
        await page.until("document.getElementById('mute').checkVisibility()")
        await page.clicks("#mute")
        await page.until("document.getElementById('you-doing').innerText === 'muted'")
        await page.until("document.getElementById('party-assistant').dataset.speaking === 'true'")
        await page.until("document.getElementById('level-assistant').value > 0.02")
        await page.until(f"({WORDS % 'assistant'}).includes({SHORT_GREETING!r})")
        assert len(await page.evaluate("window.lengths")) > 2, "it grew"
        assert await page.reads("#transcript li[data-speaker=you]") == ""
        await page.clicks("#mute")
        await page.until(f"({WORDS % 'you'}).includes('carte')", seconds=40)
        await page.until(f"({ANSWERED}).startsWith('assistant you assistant')", seconds=30)
        await page.clicks("#hang-up")
        await page.until("document.getElementById('state').innerText === 'You hung up'")
        call = await record_of(line, page)
        assert page.complaints == []
    assert (call["test"], call["dialed"], call["caller"], call["ended_by"]) == (True, "web", None, "caller")
    assert (call["assistant_id"], call["version"]) == (line.practice.assistant_id, 1)
    assert [who for who, _ in groupby(turn["speaker"] for turn in call["transcript"])][:3] == [
        "assistant", "caller", "assistant",
    ]  # fmt: skip
    said = [turn["text"] for turn in call["transcript"] if turn["speaker"] == "caller"]
    assert get_recording("fr-pay-card").transcript in said
    assert call["problems"] == []
    figures = await line.exchange.owner.ask("GET", "/v1/calls", params={"test": "false", "limit": 100})
    assert call["call_id"] not in {one["call_id"] for one in figures["items"]}


async def test_the_assistant_hangs_up(line: Line, tmp_path: Path) -> None:
    """After the goodbye the page says who ended it, and offers another call."""
    await expect_plan(line.exchange, ["fr-goodbye"])
    async with at_the_page(line, spoken(tmp_path, "fr-goodbye")) as page:
        await page.clicks("#dial")
        await page.until("document.getElementById('state').innerText === 'The assistant hung up'", seconds=40)
        assert await page.reads("#again") == "Call again"
        call = await record_of(line, page)
        assert page.complaints == []
    assert (call["ended_by"], call["test"]) == ("assistant", True)


@pytest.mark.parametrize(
    ("microphone", "told"), [("denied", "The microphone is blocked"), ("none", "No microphone was found")]
)
async def test_without_a_microphone_there_is_no_call(line: Line, microphone: Microphone, told: str) -> None:
    """It is said what is wrong and what to do, and nothing is spent."""
    before = await line.exchange.owner.ask("GET", "/v1/calls", params={"test": "true", "limit": 100})
    async with at_the_page(line, microphone) as page:
        await page.clicks("#dial")
        await page.until(PROBLEM)
        assert told in await page.reads("#problem")
        assert "call again" in await page.reads("#problem-advice")
        assert await page.reads("#dial") == "Call"
    after = await line.exchange.owner.ask("GET", "/v1/calls", params={"test": "true", "limit": 100})
    assert len(after["items"]) == len(before["items"])


async def test_a_livekit_that_is_not_there_is_said(line: Line, tmp_path: Path) -> None:
    """With its address, so that whoever set it up sees what is wrong with it."""
    nowhere = f"ws://127.0.0.1:{free_port()}"
    app = create_app(line.exchange.platform.settings.model_copy(update={"livekit_public_url": nowhere}))
    async with listening(app) as url, at_the_page(line, spoken(tmp_path, "fr-yes"), url=url) as page:
        await page.clicks("#dial")
        await page.until(PROBLEM, seconds=40)
        assert f"LiveKit can't be reached at {nowhere}" in await page.reads("#problem")


async def test_nobody_comes_and_it_is_said(line: Line, tmp_path: Path) -> None:
    """No worker answers to the name: the page does not ring for ever."""
    app = create_app(line.exchange.platform.settings.model_copy(update={"ava_agent_name": "nobody"}))
    async with listening(app) as url, at_the_page(line, spoken(tmp_path, "fr-yes"), url=url) as page:
        await page.clicks("#dial")
        await page.until("document.getElementById('state').innerText === 'Ringing…'")
        await page.until(PROBLEM, seconds=40)
        assert "No assistant came to answer" in await page.reads("#problem")


async def test_the_page_is_used_by_keyboard_and_told_to_screen_readers(line: Line) -> None:
    """A token is typed and the button reached by keys; everything that can be acted on has a name; nothing is too wide for a
    telephone, light or dark."""
    async with Browser(microphone="none") as page:
        await page.looks(width=360, height=740)
        await page.opens(f"{line.exchange.api_url}/try")
        await page.until("document.activeElement.id === 'token'")
        await page.types("not-a-token")
        await page.presses("Enter")
        await page.until(PROBLEM)
        await page.evaluate("document.getElementById('token').select()")
        await page.types(line.exchange.token)
        await page.presses("Tab")
        await page.presses("Enter")
        await page.until("document.activeElement.id === 'assistant'")
        assert not await page.evaluate(PROBLEM)
        told = await page.accessible()
        acting = {"button", "combobox", "radio", "checkbox", "textbox", "link"}
        assert [role for role, name in told if role in acting and not name] == []
        assert {"Call", "Assistant"} <= {name for _, name in told}
        for dark in (False, True):
            await page.looks(width=360, height=740, dark=dark)
            assert await page.evaluate("document.documentElement.scrollWidth <= 360")
        assert await page.evaluate("sessionStorage.length") == 1
        await page.clicks("#sign-out")
        assert await page.evaluate("sessionStorage.length") == 0
        refused = [said for said in page.complaints if "401" not in said]
        assert refused == []
