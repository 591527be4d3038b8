"""What a voice and a model are here, whoever provides them. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

VOICE_ID = r"^[A-Za-z0-9_-]{1,64}$"
MODEL_ID = r"^[a-z0-9_.-]{1,64}$"
Gender = Literal["female", "male", "neutral"]
Fit = Literal["native", "verified", "possible"]

_GENDERS: dict[str, Gender] = {"female": "female", "male": "male", "neutral": "neutral", "non-binary": "neutral"}


@dataclass(frozen=True)
class Verified:
    """The provider vouches for the voice in that language with that model. `recording`: a sample's address."""

    language: str
    model: str
    accent: str
    recording: str | None


@dataclass(frozen=True)
class Voice:
    """`language` is the voice's own, ISO 639-1; texts are empty where the provider says nothing."""

    voice_id: str
    name: str
    category: str
    description: str
    language: str | None
    gender: Gender | None
    accent: str
    age: str
    use_case: str
    recording: str | None
    verified: tuple[Verified, ...]

    def fit(self, language: str) -> Fit:
        if self.language == language:
            return "native"
        return "verified" if any(one.language == language for one in self.verified) else "possible"

    def matches(self, words: str) -> bool:
        """Every word is somewhere in what is told of the voice; a whole id is a match too."""
        if words == self.voice_id:
            return True
        told = " ".join((self.name, self.description, self.accent, self.age, self.use_case, self.category)).casefold()
        return all(word in told for word in words.casefold().split())

    def recording_of(self, language: str | None, model: str | None) -> str | None:
        """A sample that there is already, in that language and of that model where they are named."""
        if model is None and language in (None, self.language) and self.recording:
            return self.recording
        for one in self.verified:
            if one.recording and language in (None, one.language) and model in (None, one.model):
                return one.recording
        return None


@dataclass(frozen=True)
class SpeechModel:
    """`languages`: ISO 639-1 codes."""

    model_id: str
    name: str
    languages: frozenset[str]


def is_voice_id(text: str) -> bool:
    """Voice ids become parts of paths: nothing else does."""
    return re.fullmatch(VOICE_ID, text) is not None


def gender_of(label: str) -> Gender | None:
    return _GENDERS.get(label.casefold())
