"""The model presses keys: what is a key, that nothing is said over them, and what is told where they were not pressed."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from livekit.agents import ToolError

from agent.outgoing import Outgoing
from agent.tools.keys import PressKeysTools
from agent.tools.roster import toolsets
from store.dialling import Ringing
from tests.fakes.tool_calls import CALLER, NUMBER, Desk, ToolContext, call_tool, open_conversation


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """We rang, and AVA has said who calls."""
    ringing = Ringing(
        planned_call_id=uuid4(),
        attempt_id=uuid4(),
        callee=CALLER,
        callee_name="",
        about="un devis",
        kind="reminder",
        from_number=NUMBER,
        on_machine="hang_up",
    )
    async with open_conversation(tmp_path) as desk:
        desk.conversation.outgoing = Outgoing(ringing, cast(Any, None), opened=True)
        yield desk


def tools(desk: Desk) -> PressKeysTools:
    assert desk.conversation.outgoing is not None
    return PressKeysTools(desk.conversation, desk.conversation.outgoing)


@pytest.mark.parametrize(("said", "pressed"), [("1", "1"), (" 2 0 4# ", "204#"), ("*0", "*0"), ("1" * 20, "1" * 20)])
async def test_keys_are_pressed_in_silence_and_waited_after(desk: Desk, said: str, pressed: str) -> None:
    """Her own words before them are out, she can't be cut off meanwhile, and the model is not asked for more."""
    ctx = ToolContext()
    result = await call_tool(tools(desk), "press_keys", ctx, keys=said)
    assert desk.line.pressed == [pressed]
    assert ctx.log == ["uninterruptible", "silent"]
    assert (json.loads(str(result.output)), result.reply_required) == ({"status": "pressed", "say": ""}, False)
    assert desk.conversation.outgoing is not None
    assert desk.conversation.outgoing.pressed == pressed
    assert desk.conversation.progress.last_heard > 0, "the silence after them is theirs"


@pytest.mark.parametrize("said", ["", "1w2", "A", "one", "+33612345678", "1" * 21, "١"])
async def test_what_is_no_key_is_not_pressed(desk: Desk, said: str) -> None:
    """The model is told what a key is, without what it said."""
    with pytest.raises(ToolError, match="digits") as refused:
        await call_tool(tools(desk), "press_keys", ToolContext(), keys=said)
    assert desk.line.pressed == []
    assert not said or said not in str(refused.value).replace("1 to 20", "").replace("as in 1 or 204#", "")


@pytest.mark.parametrize("fact", ["on_hold", "transferred"])
async def test_nothing_is_pressed_into_a_talk_of_others(desk: Desk, fact: str) -> None:
    """A person who was fetched would hear it."""
    setattr(desk.conversation.progress, fact, True)
    with pytest.raises(ToolError, match="put through"):
        await call_tool(tools(desk), "press_keys", ToolContext(), keys="1")
    assert desk.line.pressed == []


async def test_keys_that_did_not_go_out_are_told_to_the_model(desk: Desk) -> None:
    desk.line.presses = False
    result = await call_tool(tools(desk), "press_keys", ToolContext(), keys="1")
    assert (json.loads(str(result.output))["status"], result.reply_required) == ("not_pressed", True)
    assert desk.conversation.outgoing is not None
    assert desk.conversation.outgoing.pressed is None


async def test_in_a_menu_no_key_is_an_answer_and_nothing_is_ever_said(desk: Desk) -> None:
    """Nobody has heard yet who calls: a machine is told nothing, not even that a key did not work."""
    outgoing = desk.conversation.outgoing
    assert outgoing is not None
    outgoing.opened = False
    waiting = await call_tool(tools(desk), "press_keys", ToolContext(), keys="")
    assert (outgoing.pressed, desk.line.pressed, waiting.reply_required) == ("", [], False)
    desk.line.presses = False
    failed = await call_tool(tools(desk), "press_keys", ToolContext(), keys="1")
    assert (failed.reply_required, outgoing.pressed) == (False, "")


async def test_only_calls_that_ava_places_have_keys(desk: Desk, tmp_path: Path) -> None:
    """Whatever tools the owner has switched on."""
    assert "press_keys" in [made.id for made in toolsets(desk.conversation)]
    async with open_conversation(tmp_path / "inbound") as inbound:
        assert "press_keys" not in [made.id for made in toolsets(inbound.conversation)]
