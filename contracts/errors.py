"""The family of errors that may cross a room's border. Each says whether trying again can help."""

from typing import ClassVar


class DomainError(Exception):
    """`code` is stable and machine-readable; the message is for the person who must act. No personal data in either."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False


class StoreUnavailable(DomainError):
    """The database did not answer in time or not at all. Nothing is known to be written."""

    code = "store_unavailable"
    retryable = True


class StoreRejected(DomainError):
    """The database answered and refused: a bug or a bad credential, never the caller's fault."""

    code = "store_rejected"


class CallNotAnswerable(DomainError):
    """The dialled number leads to no assistant that may speak."""

    code = "call_not_answerable"


class NumberUnknown(CallNotAnswerable):
    code = "number_unknown"


class AssistantPaused(CallNotAnswerable):
    code = "assistant_paused"


class ConfigUnreadable(CallNotAnswerable):
    """The published version is not an AssistantConfig this image can read; the message names the fields."""

    code = "config_unreadable"
