"""What a caller types on the telephone's keys, as an alternative for what speech gets wrong.

Owns: collecting keys and turning them into the words that the caller would have said: 1 and 2 are yes and no to a question,
a telephone number ends with # or a pause, * starts again. Refuses: what follows from the words: they take their way through
model and tools as spoken ones do.

Who calls is told by the SIP layer: a typed number says where to call back, never who somebody is.
"""

import asyncio
from contextlib import suppress
from typing import Any

from livekit.agents import AgentSession
from livekit.agents.llm import ChatMessage

from agent.conversation import Conversation
from calendar_tools.speech import hear_phone

_PAUSE = 4.0  # seconds after a key; people look a number up while they type it
_ALONE = 1.0  # after a single 1 or 2: it may be the first of many
_MOST = 20  # keys: more is no telephone number


class KeyPad:
    """For one call. `pressed` is called with each key, as it is let go."""

    def __init__(self, session: AgentSession[Any], c: Conversation) -> None:
        self._session = session
        self._c = c
        self._typed = ""
        self._waiting: asyncio.TimerHandle | None = None

    def pressed(self, key: str) -> None:
        loop = asyncio.get_running_loop()
        if self._c.progress.on_hold or self._c.progress.transferred:
            return
        self._c.progress.last_heard = loop.time()
        with suppress(RuntimeError):  # it can't be talked over just now, or the call is over
            self._session.interrupt()
        if self._waiting is not None:
            self._waiting.cancel()
        if key == "#":
            return self._take()
        self._typed = "" if key == "*" else (self._typed + key)[-_MOST:]
        alone = self._typed in ("1", "2") and self._was_asked()
        self._waiting = loop.call_later(_ALONE if alone else _PAUSE, self._take)
        return None

    def _take(self) -> None:
        typed, self._typed = self._typed, ""
        if not typed:
            return
        phrases = self._c.phrases
        country = self._c.config.hours.country or "FR"
        with suppress(RuntimeError):  # the call ended meanwhile
            if typed in ("1", "2") and self._was_asked():
                self._session.generate_reply(user_input=phrases.typed_yes if typed == "1" else phrases.typed_no)
            elif hear_phone(typed, self._c.language, country) is not None:
                self._session.generate_reply(user_input=phrases.typed_number.format(number=typed))
            else:
                self._session.say(phrases.typed_unclear)

    def _was_asked(self) -> bool:
        """AVA's last sentence was a question."""
        said = [item for item in self._session.history.items if isinstance(item, ChatMessage)]
        last = next((item for item in reversed(said) if item.role == "assistant" and item.text_content), None)
        return last is not None and (last.text_content or "").rstrip().endswith("?")
