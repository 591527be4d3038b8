"""What can go wrong with calls, beyond what every noun answers."""

from control_api.errors import Conflict, NotFound


class CallNotFound(NotFound):
    code, title = "not_found", "No such call"
    example = "there is no such call"


class RecordingNotFound(NotFound):
    code, title = "not_found", "No such recording"
    example = "this link leads to no recording, or not any more: read the call again for a new one"


class CallUnderWay(Conflict):
    code, title = "conflict", "The call has not ended"
    example = "this call is under way: delete it when it has ended"
