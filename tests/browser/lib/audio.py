#!/usr/bin/python3
"""Says whether a recording contains a known speech, by content.

usage: audio.py contains RECORDED SOURCE [FROM_S [TO_S]]   -> one JSON object
       audio.py stats RECORDED [FROM_S [TO_S]]             -> one JSON object

The active parts of the source are cut into pieces. Each piece is looked for everywhere in the
recording, by correlation in narrow bands between 200 and 3600 Hz: of each band the magnitude of the
complex correlation counts, so that a path which shifts phases (filters, codecs) does no harm. A
piece is found when the mean over the bands is at least FOUND and its place agrees with that of the
others (modulo the source's length: a microphone's file loops). The similarity is the share of
pieces found, 0..1. Codecs, gain, a second voice on top and the small stretches of a jitter buffer
leave a correlation above FOUND; another text of the same speaker stays below, or lies in no order.
"""
import json
import subprocess
import sys

import numpy

RATE_HZ = 8000
FRAME = RATE_HZ // 50
SILENT_DB = -60.0
BAND_HZ = 200
BAND_STARTS_HZ = range(200, 3600, BAND_HZ)
BAND_RATE_HZ = 800
BAND_FRAME = BAND_RATE_HZ // 50
PIECE_FRAMES = 24
PIECE = PIECE_FRAMES * BAND_FRAME
FLOOR = 1e-4
FOUND = 0.50
AGREE_S = 1.5  # a recorder on a busy machine loses a second now and then


def decode(path, from_s=0.0, to_s=None):
    """Mono PCM at RATE_HZ of anything that ffmpeg reads."""
    command = ["ffmpeg", "-v", "error", "-i", path, "-ac", "1", "-ar", str(RATE_HZ), "-f", "f32le", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    pcm = numpy.frombuffer(raw, dtype="<f4").astype(numpy.float64)
    end = len(pcm) if to_s is None else int(to_s * RATE_HZ)
    return pcm[int(from_s * RATE_HZ):end]


def bands(pcm):
    """Complex baseband of each band, at BAND_RATE_HZ."""
    count = len(pcm) * BAND_RATE_HZ // RATE_HZ
    samples = count * RATE_HZ // BAND_RATE_HZ
    spectrum = numpy.fft.rfft(pcm[:samples]) / max(samples, 1)
    width = BAND_HZ * samples // RATE_HZ
    out = numpy.zeros((len(BAND_STARTS_HZ), count), dtype=complex)
    for row, start_hz in zip(out, BAND_STARTS_HZ):
        first = start_hz * samples // RATE_HZ
        row[:width] = spectrum[first:first + width]
    return numpy.fft.ifft(out, axis=1) * count


def levels_db(pcm):
    """RMS of each 20 ms frame in dB of full scale."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)
    return 10 * numpy.log10(numpy.mean(frames**2, axis=1) + 1e-12)


def pieces(source):
    """First frames of the pieces of which at least two thirds are speech."""
    level = levels_db(source)
    active = level > level.max() - 30
    starts = range(0, len(active) - PIECE_FRAMES + 1, PIECE_FRAMES)
    return [i for i in starts if active[i:i + PIECE_FRAMES].mean() >= 0.66]


class Recorded:
    """The recording's bands, prepared for many searches."""

    def __init__(self, pcm):
        self.bands = bands(pcm)
        self.places = self.bands.shape[1] - PIECE + 1
        if self.places <= 0:
            return
        self.size = 1 << (self.bands.shape[1] + PIECE - 1).bit_length()
        self.spectrum = numpy.fft.fft(self.bands, self.size, axis=1)
        sums = numpy.cumsum(numpy.abs(self.bands) ** 2, axis=1)
        sums = numpy.hstack([numpy.zeros((len(sums), 1)), sums])
        self.energy = numpy.maximum(sums[:, PIECE:] - sums[:, :-PIECE], PIECE * FLOOR**2)

    def find(self, piece):
        """Best place of the piece (index at BAND_RATE_HZ) and its correlation, 0..1."""
        product = self.spectrum * numpy.conj(numpy.fft.fft(piece, self.size, axis=1))
        correlation = numpy.abs(numpy.fft.ifft(product, axis=1)[:, : self.places])
        own = numpy.sum(numpy.abs(piece) ** 2, axis=1, keepdims=True)
        weight = numpy.sqrt(own)  # between counting all bands alike and counting energy
        coherence = correlation / numpy.sqrt(self.energy * own + 1e-30)
        total = numpy.sum(weight * coherence, axis=0) / numpy.sum(weight)
        at = int(numpy.argmax(total))
        return at, float(total[at])


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
    pcm = decode(recorded_path, from_s, to_s)
    seconds = round(len(pcm) / RATE_HZ, 2)
    source = decode(source_path)
    source_bands = bands(source)
    recorded = Recorded(pcm)
    starts = [frame * BAND_FRAME for frame in pieces(source)]
    if recorded.places <= 0 or not starts:
        return {"similarity": 0.0, "correlation": 0.0, "pieces": len(starts), "seconds": seconds}
    places = [recorded.find(source_bands[:, start:start + PIECE]) for start in starts]
    strong = [i for i, (_, value) in enumerate(places) if value >= FOUND]
    offsets_s = [(places[i][0] - starts[i]) / BAND_RATE_HZ for i in strong]
    found = largest_agreeing(offsets_s, len(source) / RATE_HZ)
    return {
        "similarity": round(len(found) / len(starts), 3),
        "correlation": round(float(numpy.median([value for _, value in places])), 3),
        "pieces": len(starts),
        "seconds": seconds,
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
