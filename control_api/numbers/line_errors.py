"""What can go wrong on the line's side of a number, by who must act. No server text is passed on unmasked."""

import re

from contracts.errors import DomainError

_LONG_NUMBER = re.compile(r"(?<!\w)\+?\d(?:[\s().-]?\d){5,}(?!\w)")


def masked(text: str) -> str:
    """``text`` without anything that could be a telephone number."""
    return _LONG_NUMBER.sub("…", text)


class LineError(DomainError):
    code = "line_error"


class LineUnavailable(LineError):
    """Not reachable or too slow. `maybe_done`: a write was sent and may have happened; doing it again is safe here.

    Every operation of the port finds what an earlier try left before it writes, so the answer to this error is to call
    again later, never to undo.
    """

    code = "line_unavailable"
    retryable = True

    def __init__(self, message: str, *, maybe_done: bool = True) -> None:
        super().__init__(message)
        self.maybe_done = maybe_done


class LineThrottled(LineError):
    """Asked too often; the request was not processed."""

    code = "line_throttled"
    retryable = True


class LineCredentialsRefused(LineError):
    """The platform's own LiveKit key, never the owner's: an operator must act."""

    code = "line_credentials_refused"


class NumberRoutedElsewhere(LineError):
    """A trunk or dispatch rule that is not this number's takes its calls. Nothing was changed."""

    code = "number_routed_elsewhere"

    def __init__(self, kind: str, holder_id: str, name: str) -> None:
        self.holder_id = holder_id
        self.name = masked(name)
        named = f" “{self.name}”" if name else ""
        super().__init__(
            f"the {kind}{named} ({holder_id}) in LiveKit already takes this number's calls; take the number off it or"
            " delete it there, then try again"
        )


class LineRefused(LineError):
    """The server answered and refused: a bug of ours or a server that is set up otherwise than expected.

    `refusal` is the server's own code, as in "invalid_argument".
    """

    code = "line_refused"

    def __init__(self, message: str, *, refusal: str) -> None:
        super().__init__(message)
        self.refusal = refusal
