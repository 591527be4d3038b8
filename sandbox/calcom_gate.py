"""What a request to the Cal.com stand-in meets before its endpoint: the rate limit, the key, the version of its resource.

Owns: who is let in, and the old behaviour that a wrong version header gets. Refuses: the endpoints (`sandbox.calcom`).
"""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.calcom_diary import Refusal
from sandbox.calcom_shapes import success

SLOTS = "2024-09-04"
BOOKINGS = "2024-08-13"
EVENT_TYPES = "2024-06-14"
_KNOWN_VERSIONS = {"2024-04-15", "2024-06-11", EVENT_TYPES, BOOKINGS, SLOTS}


@dataclass
class Throttle:
    """`limit` requests per `window` seconds; past it, blocked for another `window`. Times are the event loop's."""

    limit: int
    window: float
    count: int = 0
    ends: float = 0.0
    blocked_until: float = 0.0

    def spend(self) -> tuple[bool, dict[str, str]]:
        """-> may it pass, and the headers; Reset is in seconds from now, not a point in time."""
        now = asyncio.get_running_loop().time()
        if now < self.blocked_until:
            return False, self._headers(0, self.blocked_until - now)
        if now >= self.ends:
            self.count, self.ends = 0, now + self.window
        self.count += 1
        if self.count > self.limit:
            self.blocked_until = now + self.window
            self.count, self.ends = 0, self.blocked_until
            return False, self._headers(0, self.window)
        return True, self._headers(self.limit - self.count, self.ends - now)

    def _headers(self, remaining: int, reset: float) -> dict[str, str]:
        return {
            "X-RateLimit-Limit-Default": str(self.limit),
            "X-RateLimit-Remaining-Default": str(remaining),
            "X-RateLimit-Reset-Default": str(max(1, round(reset))),
        }


def check_key(request: Request, only: str | None) -> None:
    """A key that is sent is right: `only` that one, or any of the form. What needs one asks `require_key`, too."""
    header = request.headers.get("authorization")
    if header is None:
        return
    key = header.removeprefix("Bearer ").strip()
    if not key.startswith("cal_"):
        raise Refusal(401, "ApiAuthStrategy - access token - Your access token is not valid")
    if only is not None and key != only:
        raise Refusal(401, "CustomThrottlerGuard - Invalid API Key")


def find_old_answer(request: Request, wanted: str | None) -> Response | None:
    """The old behaviour, where the header does not name the version this resource needs; None: it does."""
    if wanted is None:
        return None
    given = request.headers.get("cal-api-version", "")
    given = given if given in _KNOWN_VERSIONS else "2024-04-15"
    if given == wanted:
        return None
    path = request.url.path
    if path == "/v2/bookings" and request.method == "GET":
        return JSONResponse(success({"bookings": [], "recurringInfo": [], "totalCount": 0}))
    if path == "/v2/event-types" and given == "2024-04-15":
        return JSONResponse(success({"eventTypeGroups": [], "profiles": []}))
    raise Refusal(404, f"Cannot {request.method} {path}")


def require_key(request: Request) -> None:
    if "authorization" not in request.headers:
        raise Refusal(
            401,
            "ApiAuthStrategy - No authentication method provided. Either pass an API key as 'Bearer' header"
            " or OAuth client credentials as 'x-cal-secret-key' and 'x-cal-client-id' headers",
        )
