"""What the first call of a process would else pay for: tables that are built on first use, modules that are imported late, the
list of whom to trust. The worker does it before its call, the demo before its first.
"""

from typing import get_args

from livekit.agents import tokenize
from livekit.agents.utils import http_context

from agent.claims import warm as warm_claims
from agent.providers import llm
from agent.resources import open_resources
from agent.settings import Settings
from calendar_tools.speech import warm as warm_speech
from contracts import hours
from contracts.assistant import Language


def warm_tables() -> None:
    """About 2 s of processor time in a process that has done nothing yet."""
    for language in get_args(Language):
        warm_speech(language)
        warm_claims(language)
    hours.warm()
    tokenize.basic.hyphenate_word("bonjour")


async def warm(settings: Settings) -> None:
    """Nothing is sent."""
    warm_tables()
    async with open_resources(settings), http_context.open():
        await llm.make_client(settings).close()
    llm.warm()
