"""What the recording itself proves: AVA was heard where she spoke, undistorted and without holes, and stopped when talked over.

Owns: the checks and their thresholds. A sentence's inside is the inside of a segment that the agent played, less the runs in
which the session held it back to see whether the caller really interrupts. Refuses: who said what.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.line import Spoken
from demo.report import Check
from demo.sound import RATE, TICK, Played

Samples = NDArray[np.int16]

_FRAME = RATE // 100  # 10 ms
_QUIET_PEAK = 40  # s16, 58 dB under full scale: a fading vowel is still speech, a hole is digital silence
_FULL_SCALE = 32_700
_CLIPPED_RUN = 4  # neighbouring samples at full scale: a flattened peak, not a loud one
_TICK_SAMPLES = round(RATE * TICK)

MAX_GAP_MS = 250.0
MAX_BARGE_IN_MS = 800.0
MAX_GREETING_CACHED_MS = 250.0  # from the session's start; the wanted 80 ms are measured alone, in bench/turns.py
MAX_GREETING_MS = 1_500.0  # when the voice had to make it
MIN_LOUD_SHARE = 0.35  # of a segment's length: speech has pauses, but is not mostly pause


@dataclass(frozen=True)
class Recorded:
    """Both channels of a call (s16 at RATE), and what was played and sent when (ticks)."""

    left: Samples
    right: Samples
    played: Sequence[Played]
    spoken: Sequence[Spoken]

    @staticmethod
    def of(
        caller: Sequence[bytes], ava: Sequence[bytes], played: Sequence[Played], spoken: Sequence[Spoken]
    ) -> "Recorded":
        left, right = (np.frombuffer(b"".join(frames), dtype=np.int16) for frames in (caller, ava))
        return Recorded(left, right, played, spoken)


def loud_frames(samples: Samples) -> NDArray[np.bool_]:
    """One truth value for each whole 10 ms."""
    whole = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.int32)
    return np.abs(whole).max(axis=1, initial=0) > _QUIET_PEAK


def _part(samples: Samples, began: int, ended: int) -> Samples:
    return samples[began * _TICK_SAMPLES : ended * _TICK_SAMPLES]


def gaps_ms(right: Samples, segment: Played) -> list[float]:
    """The silences inside a segment, longest first; pauses on the session's order do not count."""
    loud = loud_frames(_part(right, segment.began, segment.ended))
    frames_per_tick = _TICK_SAMPLES // _FRAME
    held = np.zeros(len(loud), dtype=bool)
    for begin, end in segment.pauses:
        held[(begin - segment.began) * frames_per_tick : (end - segment.began) * frames_per_tick] = True
    heard = np.flatnonzero(loud)
    if len(heard) < 2:
        return []
    gaps = [
        int(np.count_nonzero(~held[before + 1 : after])) * 10.0
        for before, after in zip(heard[:-1], heard[1:], strict=True)
        if after - before > 1
    ]
    return sorted(gaps, reverse=True)


def clipped_runs(samples: Samples) -> int:
    """How often the wave stands at full scale for `_CLIPPED_RUN` samples or more."""
    full: NDArray[Any] = np.abs(samples.astype(np.int32)) >= _FULL_SCALE
    edges = np.flatnonzero(np.diff(np.concatenate(([0], full.astype(np.int8), [0]))))
    return int(np.count_nonzero(edges[1::2] - edges[::2] >= _CLIPPED_RUN))


def stop_after_ms(right: Samples, caller: Spoken, segments: Sequence[Played]) -> float | None:
    """From the caller's first audible sound to the last of what AVA was saying then; None if she was not speaking."""
    if caller.loud is None:
        return None
    onset = caller.loud[0]
    segment = next((s for s in segments if s.began <= onset < s.ended), None)
    if segment is None:
        return None
    heard = np.flatnonzero(loud_frames(_part(right, onset, segment.ended)))
    return float(heard[-1] + 1) * 10.0 if len(heard) else 0.0


def speech_present(call: Recorded, *, turns: int) -> Check:
    """Every segment sounds, and there are as many as AVA has turns on record."""
    silent = [s for s in call.played if _loud_share(call.right, s) < MIN_LOUD_SHARE and s.ended - s.began > 10]
    ok = not silent and len(call.played) >= turns and (turns == 0 or bool(call.played))
    where = ", ".join(f"{s.began * TICK:.1f} s" for s in silent)
    detail = f"{len(call.played)} segments for {turns} turns" + (f"; silent at {where}" if silent else "")
    return Check(group="audio", name="AVA is heard where she spoke", ok=ok, detail=detail)


def _loud_share(right: Samples, segment: Played) -> float:
    loud = loud_frames(_part(right, segment.began, segment.ended))
    held = sum(end - begin for begin, end in segment.pauses) * (_TICK_SAMPLES // _FRAME)
    return float(np.count_nonzero(loud)) / max(1, len(loud) - held)


def not_clipped(call: Recorded) -> Check:
    runs = clipped_runs(call.right)
    peak = int(np.abs(call.right.astype(np.int32)).max(initial=0))
    return Check(group="audio", name="AVA is not clipped", ok=runs == 0, detail=f"peak {peak}, {runs} flattened peaks")


def no_gaps(call: Recorded) -> Check:
    worst = max(((gaps_ms(call.right, s) or [0.0])[0], s.began) for s in call.played) if call.played else (0.0, 0)
    detail = f"longest {worst[0]:.0f} ms" + (f" in the sentence at {worst[1] * TICK:.1f} s" if worst[0] else "")
    name = f"no gap over {MAX_GAP_MS:.0f} ms inside a sentence"
    return Check(group="audio", name=name, ok=worst[0] <= MAX_GAP_MS, detail=detail)


def stops_when_interrupted(call: Recorded, barge_ins: Sequence[Spoken]) -> Check | None:
    """None where nobody interrupted."""
    stops = [stop for one in barge_ins if (stop := stop_after_ms(call.right, one, call.played)) is not None]
    if not stops:
        return None
    detail = ", ".join(f"{stop:.0f} ms" for stop in stops)
    name = f"AVA stops within {MAX_BARGE_IN_MS:.0f} ms of being interrupted"
    return Check(group="audio", name=name, ok=max(stops) <= MAX_BARGE_IN_MS, detail=detail)


def greets_in_time(session_to_greeting_ms: float | None, *, cached: bool) -> Check:
    limit = MAX_GREETING_CACHED_MS if cached else MAX_GREETING_MS
    ok = session_to_greeting_ms is not None and session_to_greeting_ms <= limit
    said = "never" if session_to_greeting_ms is None else f"{session_to_greeting_ms:.0f} ms"
    source = "from the cache" if cached else "made by the voice"
    name = "the greeting comes at once"
    return Check(
        group="audio", name=name, ok=ok, detail=f"{said} after session start, {source} (at most {limit:.0f} ms)"
    )


def caller_is_heard(call: Recorded) -> Check:
    """The left channel carries every word that the caller sent."""
    lost = [
        s.what for s in call.spoken if s.ended > s.began and not loud_frames(_part(call.left, s.began, s.ended)).any()
    ]
    detail = f"lost: {', '.join(lost)}" if lost else f"{len(call.spoken)} utterances"
    return Check(group="audio", name="the left channel carries the caller", ok=not lost, detail=detail)
