"""Who picked up: what is taken from the framework's detector besides its verdict."""

from typing import Any, cast

from livekit.agents import AMD
from livekit.agents.voice.amd.classifier import _AMDClassifier

from agent.pickup import wants_to_hear_more


class Detector:
    """As much of one as is looked at."""

    def __init__(self, classifier: Any) -> None:
        self._classifier = classifier


async def test_what_is_read_of_the_detector_is_there() -> None:
    """The framework's private names of the pinned version: a newer one that drops them must not go unnoticed."""
    classifier = _AMDClassifier(cast(Any, None))
    assert "_silence_timer" in vars(classifier)
    assert "_classifier" in AMD.__init__.__code__.co_names
    assert not wants_to_hear_more(cast(AMD, Detector(None)))
    assert not wants_to_hear_more(cast(AMD, Detector(classifier)))
    classifier._silence_timer = cast(Any, object())
    assert wants_to_hear_more(cast(AMD, Detector(classifier)))
