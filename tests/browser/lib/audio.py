#!/usr/bin/python3
"""Says whether a recording contains a known speech, by content.

usage: audio.py contains RECORDED SOURCE [FROM_S [TO_S]]   -> one JSON object
       audio.py stats RECORDED [FROM_S [TO_S]]             -> one JSON object

The active parts of the source are cut into pieces of 0.6 s. Each piece is looked for everywhere in
the recording by normalised cross-correlation of the waveform between 200 and 3600 Hz. A piece is
found when its correlation is at least FOUND and its place agrees with that of the others (modulo
the source's length: a microphone's file loops). The similarity is the share of pieces found, 0..1.
Codecs, gain, a second voice on top and the small stretches of a jitter buffer leave a correlation
of 0.5 and more; another text of the same speaker stays below, or lies in no order.
"""
import json
import subprocess
import sys

import numpy

RATE_HZ = 8000
PIECE = int(0.6 * RATE_HZ)
FOUND = 0.50
AGREE_S = 0.5
SILENT_DB = -60.0
FRAME = RATE_HZ // 50


def decode(path, from_s=0.0, to_s=None):
    """Mono PCM at RATE_HZ of anything that ffmpeg reads."""
    command = ["ffmpeg", "-v", "error", "-i", path, "-ac", "1", "-ar", str(RATE_HZ), "-f", "f32le", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    pcm = numpy.frombuffer(raw, dtype="<f4").astype(numpy.float64)
    end = len(pcm) if to_s is None else int(to_s * RATE_HZ)
    return pcm[int(from_s * RATE_HZ):end]


def band(pcm):
    """The telephone band, by masking the spectrum."""
    if len(pcm) == 0:
        return pcm
    spectrum = numpy.fft.rfft(pcm)
    frequency = numpy.fft.rfftfreq(len(pcm), 1 / RATE_HZ)
    spectrum[(frequency < 200) | (frequency > 3600)] = 0
    return numpy.fft.irfft(spectrum, len(pcm))


def levels_db(pcm):
    """RMS of each 20 ms frame in dB of full scale."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)
    return 10 * numpy.log10(numpy.mean(frames**2, axis=1) + 1e-12)


def pieces(source):
    """Starts of the pieces of which at least two thirds are speech."""
    level = levels_db(source)
    active = level > level.max() - 30
    frames = PIECE // FRAME
    starts = range(0, len(active) - frames + 1, frames)
    return [i * FRAME for i in starts if active[i:i + frames].mean() >= 0.66]


def find(recorded, piece, spectrum, size, energy):
    """Best place of the piece and its normalised correlation."""
    correlation = numpy.fft.irfft(spectrum * numpy.conj(numpy.fft.rfft(piece, size)), size)
    correlation = correlation[: len(recorded) - len(piece) + 1]
    correlation = correlation / numpy.sqrt(energy * numpy.sum(piece**2))
    at = int(numpy.argmax(correlation))
    return at, float(correlation[at])


def window_energy(recorded):
    """Energy under the piece at every place, with a floor: noise far below speech is no match."""
    sums = numpy.concatenate(([0.0], numpy.cumsum(recorded**2)))
    return numpy.maximum(sums[PIECE:] - sums[:-PIECE], PIECE * 10 ** (SILENT_DB / 10))


def largest_agreeing(offsets_s, period_s):
    """Indices of the largest set of offsets that lie within AGREE_S of one of them."""
    best = []
    for middle in offsets_s:
        distance = [(o - middle + period_s / 2) % period_s - period_s / 2 for o in offsets_s]
        near = [i for i, d in enumerate(distance) if abs(d) <= AGREE_S]
        if len(near) > len(best):
            best = near
    return best


def contains(recorded_path, source_path, from_s=0.0, to_s=None):
    recorded = band(decode(recorded_path, from_s, to_s))
    source = band(decode(source_path))
    starts = pieces(source)
    if len(recorded) < PIECE or not starts:
        return {"similarity": 0.0, "correlation": 0.0, "pieces": len(starts), "seconds": len(recorded) / RATE_HZ}
    size = 1 << (len(recorded) + PIECE - 1).bit_length()
    spectrum = numpy.fft.rfft(recorded, size)
    energy = window_energy(recorded)
    places = [find(recorded, source[s:s + PIECE], spectrum, size, energy) for s in starts]
    strong = [i for i, (_, value) in enumerate(places) if value >= FOUND]
    period_s = len(source) / RATE_HZ
    offsets_s = [(places[i][0] - starts[i]) / RATE_HZ for i in strong]
    found = largest_agreeing(offsets_s, period_s)
    return {
        "similarity": round(len(found) / len(starts), 3),
        "correlation": round(float(numpy.median([value for _, value in places])), 3),
        "pieces": len(starts),
        "seconds": round(len(recorded) / RATE_HZ, 2),
    }


def stats(path, from_s=0.0, to_s=None):
    """Length, loudness and the longest silence."""
    pcm = decode(path, from_s, to_s)
    level = levels_db(pcm)
    longest = run = 0
    for value in level:
        run = run + 1 if value < SILENT_DB else 0
        longest = max(longest, run)
    rms = float(numpy.sqrt(numpy.mean(pcm**2))) if len(pcm) else 0.0
    return {"seconds": round(len(pcm) / RATE_HZ, 3), "rms": round(rms, 5), "longest_silence_s": round(longest / 50, 2)}


def main(argv):
    commands = {"contains": (contains, 2), "stats": (stats, 1)}
    if len(argv) < 2 or argv[1] not in commands:
        sys.exit(__doc__)
    run, files = commands[argv[1]]
    times = [float(value) for value in argv[2 + files:]]
    print(json.dumps(run(*argv[2:2 + files], *times)))


if __name__ == "__main__":
    main(sys.argv)
