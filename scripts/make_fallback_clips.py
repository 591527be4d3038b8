"""Makes agent/clips: the sentences that must be heard when no voice provider is, by espeak-ng, in fr, en and he.

Run it after a change of agent/phrases.py, and keep those whose words changed: another machine gives the same words other bytes.
"""

import sys
import wave
from pathlib import Path

from agent.phrases import PHRASES
from agent.voice import SHIPPED, canned_text
from calendar_tools.speech import normalise_for_tts
from sandbox.voice import synthesise

RATE = 8000  # Hz: what the telephone carries
CLIPS = Path(__file__).resolve().parent.parent / "agent" / "clips"


def main() -> int:
    total = 0
    for language, phrases in PHRASES.items():
        folder = CLIPS / language
        folder.mkdir(parents=True, exist_ok=True)
        for name in SHIPPED:
            pcm = synthesise(normalise_for_tts(canned_text(phrases, name), language), language, rate_hz=RATE)
            with wave.open(str(folder / f"{name}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(RATE)
                file.writeframes(pcm)
            total += len(pcm)
    print(f"{len(PHRASES) * len(SHIPPED)} clips, {total // 1024} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
