#!/usr/bin/env python3
"""Makes tune.wav: 24 seconds of music for the page about ranges. The program computes every sample; each run makes the
same bytes.

    python3 html/media/make-tune.py

The tune has a bass and a melody with an echo. The format is WAV with one channel of 8-bit mu-law samples (ITU-T G.711),
11,025 a second: browsers play it, and the file stays small.
"""

import math
import os
import struct

RATE = 11025
BEAT_S = 0.25
BEATS = 96
MELODY = "e5 . g5 . a5 . . g5  e5 . d5 . c5 . . .  a4 . c5 . d5 . . e5  d5 . . . . . . ."
ENDING = "e5 . g5 . a5 . . c6  b5 . a5 . g5 . . .  e5 . d5 . c5 . d5 .  c5 . . . . . . ."
CHORDS = ["c3 g3 e4", "a2 e3 c4", "f2 c3 a3", "g2 d3 b3"]  # one for each two bars of four beats
TONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}


def hertz(name):
    """c4 is the middle C."""
    return 440 * 2 ** ((TONES[name[0]] + 12 * int(name[1]) - 57) / 12)


def pluck(track, at_s, pitch, seconds, loudness, overtones):
    """Adds a tone that starts loud and fades out."""
    start = round(at_s * RATE)
    for i in range(min(round(seconds * RATE), len(track) - start)):
        t = i / RATE
        swell = min(1, t / 0.006) * math.exp(-4 * t / seconds) * min(1, (seconds - t) / 0.02)
        wave = sum(part * math.sin(2 * math.pi * pitch * (n + 1) * t) for n, part in enumerate(overtones))
        track[start + i] += loudness * swell * wave


def mu_law(sample):
    """Encodes a sample of -1 to 1 as a G.711 byte: sign, exponent, mantissa, all bits inverted."""
    sign, size = (0x80, -sample) if sample < 0 else (0, sample)
    size = min(round(size * 32635), 32635) + 132
    exponent = size.bit_length() - 8
    return ~(sign | exponent << 4 | size >> exponent + 3 & 15) & 0xFF


def tune():
    track = [0.0] * round(BEATS * BEAT_S * RATE)
    for beat, note in enumerate((MELODY + " " + MELODY + " " + ENDING).split()):
        if note != ".":
            for delay, loudness in ((0, 0.3), (0.375, 0.1), (0.75, 0.04)):
                pluck(track, beat * BEAT_S + delay, hertz(note), 1.4, loudness, (1, 0.4, 0.15, 0.06))
    for beat in range(0, BEATS, 2):
        low, middle, high = CHORDS[beat // 8 % 4].split()
        pluck(track, beat * BEAT_S, hertz(low), 0.5, 0.28, (1, 0.5, 0.3, 0.2))
        pluck(track, (beat + 1) * BEAT_S, hertz(middle), 0.5, 0.12, (1, 0.3, 0.2))
        pluck(track, (beat + 1) * BEAT_S, hertz(high), 0.5, 0.08, (1, 0.3, 0.2))
    loudest = max(map(abs, track))
    return bytes(mu_law(0.9 * sample / loudest) for sample in track)


data = tune()
form = struct.pack("<HHIIHHH", 7, 1, RATE, RATE, 1, 8, 0)
chunks = b"WAVE"
for name, content in ((b"fmt ", form), (b"fact", struct.pack("<I", len(data))), (b"data", data)):
    chunks += name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tune.wav"), "wb") as file:
    file.write(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)
