"""Text on its way to the voice, sentence by sentence.

The speech guard releases whole sentences. The framework's own filters and tokenizers are made for text that comes in pieces:
they hold a sentence back until some of the next one is there, which costs the caller 90 ms a turn (bench/turns.py). These
take what they get as whole.
"""

from collections.abc import AsyncIterator

from livekit.agents import tokenize, utils
from livekit.agents.tokenize import SentenceStream, TokenData
from livekit.agents.voice.transcription.filters import filter_emoji, filter_markdown


async def without_marks(sentences: str) -> str:
    """Without markdown and emoji, which a voice would read out."""

    async def whole() -> AsyncIterator[str]:
        yield sentences

    return "".join([piece async for piece in filter_emoji(filter_markdown(whole()))])


class WholeSentences(tokenize.SentenceTokenizer):
    """Each text pushed into its stream ends where a sentence ends; it leaves at once, cut where it holds several."""

    def __init__(self) -> None:
        self._cut = tokenize.blingfire.SentenceTokenizer()

    def tokenize(self, text: str, *, language: str | None = None) -> list[str]:
        return self._cut.tokenize(text, language=language)

    def stream(self, *, language: str | None = None) -> SentenceStream:
        return _Stream(self, language)


class _Stream(SentenceStream):
    def __init__(self, sentences: WholeSentences, language: str | None) -> None:
        super().__init__()
        self._sentences = sentences
        self._language = language
        self._segment_id = utils.shortuuid()

    def push_text(self, text: str) -> None:
        self._check_not_closed()
        for sentence in self._sentences.tokenize(text, language=self._language):
            self._event_ch.send_nowait(TokenData(segment_id=self._segment_id, token=sentence))

    def flush(self) -> None:
        self._check_not_closed()
        self._segment_id = utils.shortuuid()

    def end_input(self) -> None:
        self._do_close()

    async def aclose(self) -> None:
        self._do_close()
