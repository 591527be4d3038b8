"""Which language is spoken where a number lives: for callers of whom nothing else is known."""

from contracts.assistant import Language

_SPOKEN: dict[str, Language] = {"+33": "fr", "+32": "fr", "+41": "fr", "+352": "fr", "+972": "he"}


def language_of(number: str) -> Language:
    """Of a number in E.164; English where we can't know."""
    for prefix in sorted(_SPOKEN, key=len, reverse=True):
        if number.startswith(prefix):
            return _SPOKEN[prefix]
    return "en"
