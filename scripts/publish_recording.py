"""From a demo's stereo recording to what docs/ holds: an Opus file small enough to commit and a picture of both sides.

python scripts/publish_recording.py .ava/demo/recordings/book-fr.wav docs/demo-book-fr
"""

import sys
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

BITRATE = 32_000  # both channels
_OPUS_RATE = 48_000
_SIZE = (1200, 300)
_INK, _PAPER, _LINE = {"caller": (214, 102, 53), "ava": (39, 98, 176)}, (255, 255, 255), (210, 210, 210)


def read_stereo(path: Path) -> tuple[NDArray[np.int16], int]:
    """-> samples of shape (n, 2): caller, AVA."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).reshape(-1, 2)
        return samples, file.getframerate()


def write_opus(samples: NDArray[np.int16], rate: int, path: Path) -> None:
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=_OPUS_RATE)
        stream.bit_rate = BITRATE
        stream.layout = "stereo"
        resampler = av.AudioResampler(format="s16", layout="stereo", rate=_OPUS_RATE)
        step = rate // 50
        for at in range(0, len(samples), step):
            block = np.ascontiguousarray(samples[at : at + step]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="stereo")
            frame.sample_rate = rate
            frame.pts = at
            frame.time_base = Fraction(1, rate)
            for resampled in resampler.resample(frame):
                container.mux(stream.encode(resampled))
        container.mux(stream.encode(None))


def draw(samples: NDArray[np.int16], rate: int, path: Path) -> None:
    """Caller above, AVA below; a tick every ten seconds."""
    width, height = _SIZE
    image = Image.new("RGB", _SIZE, _PAPER)
    pen = ImageDraw.Draw(image)
    for second in range(0, len(samples) // rate + 1, 10):
        x = int(second * rate / len(samples) * width)
        pen.line([(x, 0), (x, height)], fill=_LINE)
        pen.text((x + 3, height - 12), f"{second} s", fill=(120, 120, 120))
    for channel, (name, middle) in enumerate((("caller", height // 4), ("ava", 3 * height // 4))):
        columns = np.array_split(np.abs(samples[:, channel].astype(np.int32)), width)
        loudest = max(1, int(np.abs(samples[:, channel].astype(np.int32)).max()))
        for x, column in enumerate(columns):
            reach = int(column.max() / loudest * (height // 4 - 12))
            pen.line([(x, middle - reach), (x, middle + reach)], fill=_INK[name])
        pen.text((4, middle - height // 4 + 2), "caller" if name == "caller" else "AVA", fill=_INK[name])
    image.save(path, optimize=True)


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__)
        return 2
    source, target = Path(arguments[0]), Path(arguments[1])
    samples, rate = read_stereo(source)
    write_opus(samples, rate, target.with_suffix(".ogg"))
    draw(samples, rate, target.with_suffix(".png"))
    print(
        f"{target.with_suffix('.ogg')}: {target.with_suffix('.ogg').stat().st_size // 1024} KiB, {len(samples) / rate:.1f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
