"""What the far end's recording proves: speech where there should be speech, silence where there should be none, both ways.

Owns: the checks of a call that was heard on a telephone, and their thresholds. Refuses: what was said; the demo's line
inside the process (`demo.audio`).
"""

from demo.report import Check
from sandbox.two_way import RATE, TwoWay, between, loudest

_SILENT_PEAK = 330  # s16, 40 dB under full scale: what codecs leave of silence is far below, a word far above
_CLIPPED = 32_000
_LATE_SECONDS = 1.0  # of a call: what did not come in time on loopback
_EDGE_SECONDS = 0.3  # a sound's weak beginning and end are no speech to the gate, and no silence either
_LOUD_SHARE = 0.35
_FRAME = RATE // 100


def checks_of(line: TwoWay, *, turns: int, interrupts: bool = False) -> list[Check]:
    """`turns`: how often AVA must have spoken at least. `interrupts`: the caller talked into her sentences on purpose."""
    checks = [_ava_is_heard(line, turns), _caller_is_heard(line), _silence(line), _whole(line), _not_clipped(line)]
    return checks if interrupts else [*checks, _in_turns(line)]


def _check(name: str, ok: bool, detail: str) -> Check:
    return Check(group="audio", name=name, ok=ok, detail=detail)


def _loud_share(pcm: bytes) -> float:
    """Of its 10 ms pieces."""
    pieces = [pcm[at : at + _FRAME * 2] for at in range(0, len(pcm) - _FRAME * 2 + 1, _FRAME * 2)]
    return sum(loudest(piece) > _SILENT_PEAK for piece in pieces) / max(1, len(pieces))


def _ava_is_heard(line: TwoWay, turns: int) -> Check:
    stretches = line.ava.stretches
    weak = [s for s in stretches if _loud_share(line.ava.part(s.began, s.ended)) < _LOUD_SHARE]
    seconds = sum(s.ended - s.began for s in stretches)
    detail = f"{len(stretches)} stretches, {seconds:.1f} s in all, {len(weak)} of them weak"
    return _check("the telephone hears AVA speak", len(stretches) >= turns and not weak, detail)


def _caller_is_heard(line: TwoWay) -> Check:
    lost = [s.what for s in line.spoken if _loud_share(line.caller.part(s.began, s.ended)) < _LOUD_SHARE]
    detail = f"lost: {', '.join(lost)}" if lost else f"{len(line.spoken)} utterances"
    return _check("what the caller says leaves the telephone", not lost, detail)


def _silence(line: TwoWay) -> Check:
    pauses = between(line.ava.stretches, line.ava.seconds, margin=_EDGE_SECONDS)
    peak = max((loudest(line.ava.part(a, b)) for a, b in pauses), default=0)
    return _check("nothing is heard where AVA is silent", peak <= _SILENT_PEAK, f"peak {peak} in {len(pauses)} pauses")


def _whole(line: TwoWay) -> Check:
    missing = line.ava.put_in
    return _check("no audio is missing", missing <= _LATE_SECONDS, f"{missing * 1000:.0f} ms did not come in time")


def _not_clipped(line: TwoWay) -> Check:
    peak = loudest(bytes(line.ava.pcm))
    return _check("AVA is not distorted", peak < _CLIPPED, f"peak {peak}")


def _in_turns(line: TwoWay) -> Check:
    early = [s.what for s in line.spoken if (ms := line.answer_to(s)) is not None and ms < 0]
    return _check("AVA lets the caller finish", not early, f"cut: {', '.join(early)}" if early else "always")
