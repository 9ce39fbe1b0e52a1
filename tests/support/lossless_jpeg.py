"""Writes JPEGs without loss (SOF3), of which no encoder is among the tests' packages.

Each sample's difference from its left neighbour (at a row's start, the one above) is written with a
Huffman code of five bits for its length. Source: ITU-T T.81, annex H.
"""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image


def lossless_jpeg(image: Image.Image) -> bytes:
    """The bytes of a file of a grey or RGB picture."""
    samples = np.atleast_3d(np.asarray(image)).astype(int)
    height, width, count = samples.shape
    components = b"".join(bytes((number, 0x11, 0)) for number in range(1, count + 1))
    frame = struct.pack(">BHHB", 8, height, width, count) + components
    lengths = bytes((0, 0, 0, 0, 17, *[0] * 11))  # 17 codes, all of five bits
    scan = bytes((count,)) + b"".join(bytes((n, 0)) for n in range(1, count + 1)) + b"\x01\0\0"
    return b"".join(
        (
            b"\xff\xd8",
            # Adobe's mark, transform 0: the colours are red, green and blue as they are.
            _segment(0xEE, b"Adobe\0\x64\0\0\0\0\0") if count == 3 else b"",
            _segment(0xC3, frame),
            _segment(0xC4, b"\0" + lengths + bytes(range(17))),
            _segment(0xDA, scan),
            _coded(_differences(samples)).replace(b"\xff", b"\xff\0"),
            b"\xff\xd9",
        )
    )


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _differences(samples: np.ndarray[tuple[int, ...], np.dtype[np.int_]]) -> list[int]:
    predicted = np.empty_like(samples)
    predicted[:, 1:] = samples[:, :-1]
    predicted[1:, 0] = samples[:-1, 0]
    predicted[0, 0] = 128
    return [int(difference) for difference in (samples - predicted).ravel()]


def _coded(differences: list[int]) -> bytes:
    bits = []
    for difference in differences:
        length = abs(difference).bit_length()
        bits.append(f"{length:05b}")
        if length:
            value = difference if difference > 0 else difference + (1 << length) - 1
            bits.append(f"{value:0{length}b}")
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")
