"""What can go wrong with planned calls, beyond what every noun answers."""

from control_api.errors import Conflict, NotFound


class PlannedCallNotFound(NotFound):
    code, title = "not_found", "No such planned call"
    example = "there is no such planned call"


class NotToBePlanned(Conflict):
    code, title = "conflict", "This call can't be planned"
    example = "this number is on the do-not-call list: whoever has it asked not to be called"


class HoursUnreadable(NotToBePlanned):
    title = "The assistant can't be read"
    example = "the assistant's hours can't be read by this release: publish a new version"


class NotPlannedAnyMore(Conflict):
    code, title = "conflict", "It is too late to cancel"
    example = "this call is answered by now: it can't be cancelled any more"


class EntryNotFound(NotFound):
    code, title = "not_found", "No such entry"
    example = "there is no such entry"
