"""The committed recordings are what the script makes of the list: same bytes, all there, small."""

import subprocess
import sys
from pathlib import Path

import yaml

from sandbox.callers import FOLDER, get_recording, known_utterances, load_caller_audio

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ("fr-spell-dupont", "en-yes", "he-confirm", "noise-babble", "noise-cough")


def test_the_same_list_gives_the_same_bytes() -> None:
    """Re-made in fresh processes, a sample of each kind equals the committed files."""
    command = [sys.executable, str(ROOT / "scripts" / "make_caller_voices.py"), "--check", *SAMPLE]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_utterance_has_its_recording() -> None:
    """List, index and files agree; under 4 MB together; each is loud enough and ends where its words do."""
    listed = {u["id"] for u in yaml.safe_load((FOLDER / "utterances.yaml").read_text(encoding="utf-8"))["utterances"]}
    assert listed == set(known_utterances()) == {file.stem for file in FOLDER.glob("*.wav")}
    assert sum(file.stat().st_size for file in FOLDER.glob("*.wav")) < 4_000_000
    for utterance_id in listed:
        recording = get_recording(utterance_id)
        assert all(a.end_ms <= b.start_ms + 1 for a, b in zip(recording.words, recording.words[1:], strict=False))
        if recording.words:
            assert 0 < recording.duration_ms - recording.words[-1].end_ms < 250
        else:
            assert recording.transcript == ""


def test_a_caller_is_loaded_for_a_session() -> None:
    """24 kHz mono s16 and the words a recogniser would write."""
    pcm, transcript = load_caller_audio("fr-spell-dupont")
    assert transcript == "Dupont. D, U, P, O, N, T. Jean Dupont."
    assert 3 < len(pcm) / 2 / 24_000 < 7
