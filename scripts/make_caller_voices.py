"""Makes callers' recordings: ``sandbox/callers/utterances.yaml`` -> one WAV each and ``index.json``.

    python scripts/make_caller_voices.py            # all, only what changed is different bytes
    python scripts/make_caller_voices.py ID ...     # only these
    python scripts/make_caller_voices.py --check    # make all in memory, exit 1 if a committed file differs

The same list gives the same bytes: noise is seeded by the utterance's id, and each text is spoken by a fresh espeak
process, because that library carries state from one text to the next.
"""

import argparse
import json
import subprocess
import sys
import wave
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sandbox.callers import FOLDER  # noqa: E402  the script runs by path, the package is found from the root
from sandbox.line_effects import LINE_HZ, babble, cough, line_noise, over_the_line  # noqa: E402  as above
from sandbox.voice import Samples, from_pcm, speak, to_pcm  # noqa: E402  as above

_LEAD_MS, _TAIL_MS = 120, 180
_SPEECH_DB = -14.0
_BABBLE_TEXTS = (
    "Alors je lui ai dit que ce n'était pas possible avant la semaine prochaine.",
    "Tu as pensé à prendre le pain en passant, et puis le journal aussi.",
    "Moi je trouve que l'attente est un peu longue aujourd'hui, pas vous ?",
)


class Utterance(BaseModel):
    """One entry of ``utterances.yaml``; the file itself says what each field means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    language: Literal["fr", "en", "he"] = "fr"
    speaker: str = "man"
    text: str = ""
    transcript: str | None = None
    pause_ms: int = Field(default=450, ge=0, le=3_000)
    wpm: int = Field(default=165, ge=80, le=300)
    noise_db: float = Field(default=-52.0, le=-20.0)
    noise: Literal["line", "cough", "babble"] | None = None
    seconds: float = Field(default=3.0, gt=0, le=20)

    def parts(self) -> list[tuple[str, str]]:
        """What is said and what is written of it, between pauses. Raises ValueError if they do not pair up."""
        said = [part.strip() for part in self.text.split("|")]
        written = [part.strip() for part in (self.transcript or self.text).split("|")]
        if len(said) != len(written):
            raise ValueError(f"{self.id}: {len(said)} parts said, {len(written)} written")
        return list(zip(said, written, strict=True))


@dataclass(frozen=True)
class Made:
    """A recording's bytes and its entry in the index."""

    utterance_id: str
    wav: bytes
    entry: dict[str, Any]


def _spoken(text: str, language: str, speaker: str, wpm: int) -> Samples:
    """Said by a fresh process: see the module's docstring."""
    command = [sys.executable, str(Path(__file__).resolve()), "--speak"]
    request = json.dumps({"text": text, "language": language, "voice": speaker, "words_per_minute": wpm})
    result = subprocess.run(command, input=request.encode(), capture_output=True, check=True, timeout=60)
    return from_pcm(result.stdout)


def _speak_to_stdout() -> None:
    request = json.loads(sys.stdin.read())
    speech = speak(request.pop("text"), request.pop("language"), rate_hz=LINE_HZ, max_pause_ms=180, **request)
    sys.stdout.buffer.write(speech.pcm)


def _words(written: str, start_ms: int, duration_ms: int) -> Iterator[tuple[str, int, int]]:
    """The words of one part, each with time in proportion to its letters."""
    words = written.split()
    weights = np.array([len(word) + 1 for word in words], dtype=np.float64)
    edges = start_ms + np.concatenate(([0.0], np.cumsum(weights) / weights.sum())) * duration_ms
    for word, begin, end in zip(words, edges[:-1], edges[1:], strict=True):
        yield word, round(begin), round(end)


def _silence(milliseconds: int) -> Samples:
    return np.zeros(milliseconds * LINE_HZ // 1000)


def _wav(samples: Samples) -> bytes:
    buffer = BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(LINE_HZ)
        file.writeframes(to_pcm(samples))
    return buffer.getvalue()


def make(utterance: Utterance) -> Made:
    """One recording. Raises ValueError for an utterance that does not add up."""
    seed = zlib.crc32(utterance.id.encode())
    if utterance.noise is not None:
        return Made(utterance.id, _wav(_noise(utterance, seed)), _entry(utterance, []))
    pieces = [_silence(_LEAD_MS)]
    at_ms = _LEAD_MS
    words: list[tuple[str, int, int]] = []
    for number, (said, written) in enumerate(utterance.parts()):
        if number:
            pieces.append(_silence(utterance.pause_ms))
            at_ms += utterance.pause_ms
        voice = _spoken(said, utterance.language, utterance.speaker, utterance.wpm)
        duration_ms = len(voice) * 1000 // LINE_HZ
        words.extend(_words(written, at_ms, duration_ms))
        pieces.append(voice)
        at_ms += duration_ms
    pieces.append(_silence(_TAIL_MS))
    heard = over_the_line(np.concatenate(pieces), speech_db=_SPEECH_DB, noise_db=utterance.noise_db, seed=seed)
    return Made(utterance.id, _wav(heard), _entry(utterance, words))


def _entry(utterance: Utterance, words: list[tuple[str, int, int]]) -> dict[str, Any]:
    transcript = " ".join(word for word, _, _ in words)
    return {"language": utterance.language, "transcript": transcript, "words": words}


def _noise(utterance: Utterance, seed: int) -> Samples:
    hiss = line_noise(utterance.seconds, utterance.noise_db, seed)
    if utterance.noise == "line":
        return hiss
    if utterance.noise == "cough":
        sound = cough(seed)
        start = LINE_HZ * _LEAD_MS // 1000
        sound = np.pad(sound, (start, max(0, len(hiss) - start - len(sound))))[: len(hiss)]
        return over_the_line(sound, speech_db=-16.0, noise_db=utterance.noise_db, seed=seed)
    speakers = ("man", "woman", "elder")
    voices = [_spoken(text, "fr", who, 170) for text, who in zip(_BABBLE_TEXTS, speakers, strict=True)]
    mixed = babble(voices, utterance.seconds, seed)
    return over_the_line(mixed, speech_db=-30.0, noise_db=utterance.noise_db, seed=seed)


def read_utterances() -> list[Utterance]:
    """Raises pydantic.ValidationError for a malformed list, ValueError for an id that comes twice."""
    raw = yaml.safe_load((FOLDER / "utterances.yaml").read_text(encoding="utf-8"))["utterances"]
    utterances = [Utterance.model_validate(entry) for entry in raw]
    if len({u.id for u in utterances}) != len(utterances):
        raise ValueError("an utterance id comes twice")
    return utterances


def _index_text(entries: dict[str, Any]) -> str:
    lines = [f"{json.dumps(k)}: {json.dumps(entries[k], ensure_ascii=False)}" for k in sorted(entries)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Make callers' recordings.")
    parser.add_argument("ids", nargs="*", help="only these")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a committed file differs")
    parser.add_argument("--speak", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.speak:
        _speak_to_stdout()
        return 0
    utterances = read_utterances()
    wanted = [u for u in utterances if not given.ids or u.id in given.ids]
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(make, wanted))
    if given.check:
        different = [m.utterance_id for m in made if (FOLDER / f"{m.utterance_id}.wav").read_bytes() != m.wav]
        print("\n".join(different) or "all as committed")
        return 1 if different else 0
    index_file = FOLDER / "index.json"
    entries: dict[str, Any] = json.loads(index_file.read_text(encoding="utf-8")) if index_file.exists() else {}
    entries = {u.id: entries[u.id] for u in utterances if u.id in entries}
    for one in made:
        (FOLDER / f"{one.utterance_id}.wav").write_bytes(one.wav)
        entries[one.utterance_id] = one.entry
    index_file.write_text(_index_text(entries), encoding="utf-8")
    for orphan in {f.stem for f in FOLDER.glob("*.wav")} - {u.id for u in utterances}:
        (FOLDER / f"{orphan}.wav").unlink()
    total = sum(f.stat().st_size for f in FOLDER.glob("*.wav"))
    print(f"{len(made)} made, {total / 1e6:.2f} MB in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
