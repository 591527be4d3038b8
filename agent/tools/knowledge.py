"""What the owner has written about the business. Nothing is invented: a question without an entry is said to have none."""

import re
import unicodedata

from livekit.agents.llm import ToolResult, Toolset

from agent.conversation import Conversation
from agent.speaking import Arguments, Context, raw_tool, text, told
from contracts.assistant import FaqEntry

_WORD = re.compile(r"[^\W\d_]{3,}", re.UNICODE)
_HEBREW_PREFIXES = re.compile(
    r"[והבלמשכ]{1,3}(?=[\u05d0-\u05ea]{3})"
)  # and, the, in, to, from, that, as: written on the word


def _words(phrase: str) -> set[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", phrase.casefold()) if not unicodedata.combining(c))
    return {word[:-1] if len(word) > 3 and word[-1] in "sx" else word for word in _WORD.findall(plain)}  # plurals


def _asked(question: str) -> set[str]:
    """The question's words, in Hebrew also without the small words that are written on them."""
    words = _words(question)
    bare = {word[cut:] for word in words if (on := _HEBREW_PREFIXES.match(word)) for cut in range(1, on.end() + 1)}
    return words | bare


def find_entry(question: str, faq: tuple[FaqEntry, ...]) -> FaqEntry | None:
    """The entry that shares most with the question: a keyword counts three, a word of the topic one. At least one keyword,
    or two words of the topic, or all of it."""
    asked = _asked(question)
    best: tuple[int, FaqEntry] | None = None
    for entry in faq:
        keywords = {k for keyword in entry.keywords for k in _words(keyword)}
        topic = _words(entry.topic)
        score = 3 * len(asked & keywords) + len(asked & topic)
        enough = bool(asked & keywords) or len(asked & topic) >= min(2, len(topic) or 2)
        if enough and (best is None or score > best[0]):
            best = (score, entry)
    return best[1] if best else None


class QuestionArgument(Arguments):
    question: str


class FaqTools(Toolset):
    def __init__(self, conversation: Conversation) -> None:
        self._c = conversation
        topics = ", ".join(entry.topic for entry in conversation.config.faq)
        look_up = raw_tool(
            self._look_up,
            name="look_up_faq",
            description=f"What the business says about: {topics}. Speaks the answer itself.",
            properties={"question": text("The question in the caller's own words")},
        )
        super().__init__(id="faq", tools=[look_up])

    async def _look_up(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        entry = find_entry(QuestionArgument.read(raw_arguments).question, self._c.config.faq)
        if entry is None:
            return told(ctx, "unknown", self._c.phrases.unknown_answer)
        self._c.progress.answered += 1
        self._c.progress.made()
        return told(ctx, "known", entry.answer)
