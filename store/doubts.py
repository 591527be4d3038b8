"""What an open doubt says of the business it is about: language and time zone, out of the stored version.

Owns: the answer when the stored version is one that this image can't read: a doubt must be settled all the same. Refuses:
which bookings are in doubt (SQL, and the twin).
"""

from typing import Any, get_args
from zoneinfo import ZoneInfo

from contracts.assistant import AssistantConfig, Language

_FALLBACK_ZONE = "UTC"


def language_of(stored: Any) -> Language:
    """`stored` is the version's `language` as JSON gives it; absent or unknown here: the default of a config."""
    known: Language = stored if stored in get_args(Language) else AssistantConfig.model_fields["language"].default
    return known


def time_zone_of(stored: Any) -> str:
    """`stored` is the version's `hours.time_zone`; UTC if it is none."""
    if not isinstance(stored, str):
        return _FALLBACK_ZONE
    try:
        return ZoneInfo(stored).key
    except (KeyError, ValueError, OSError):
        return _FALLBACK_ZONE
