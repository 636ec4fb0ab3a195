"""Broken files on purpose: nothing but a UserError may come out of decoding and reading them.

    python -m tests.imaging.fuzz [COUNT] [SEED]

tries so many, prints what came of them and how long the slowest took, and stops at the first
that raises something else, which it leaves in ``fuzz-failure.bin``.
"""

from __future__ import annotations

import re
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tests.imaging.image_files import saved, seven
from tsexplorer.errors import UserError
from tsexplorer.imaging import decode, extract_digits

SIDE = (24, 20)
PNG = b"\x89PNG\r\n\x1a\n"
ORIENTATION = 0x0112
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF)
Mutation = Callable[[bytearray, list[bytes], np.random.Generator], bytes]


def originals() -> list[bytes]:
    """Whole files of every kind and many modes, each a few hundred bytes."""
    grey = Image.fromarray(seven(*SIDE))
    colour = grey.convert("RGB")
    clear = colour.convert("RGBA")
    clear.putalpha(Image.fromarray(255 - seven(*SIDE)))
    palette = colour.quantize(8)
    deep = Image.fromarray(seven(*SIDE).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    frames = [grey.rotate(turn) for turn in (0, 90, 180)]
    return [
        *(saved(one) for one in (grey, colour, clear, palette, deep, grey.convert("1"))),
        saved(palette, transparency=0),
        saved(grey, exif=exif),
        saved(frames[0], save_all=True, append_images=frames[1:]),
        *(saved(one, "JPEG") for one in (grey, colour, colour.convert("CMYK"))),
        saved(colour, "JPEG", progressive=True, exif=exif),
        *(saved(one, "WEBP", lossless=lossless) for one in (colour, clear) for lossless in (0, 1)),
        saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        *(saved(one, "BMP") for one in (grey, colour, palette, grey.convert("1"))),
        saved(palette, "GIF"),
        saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        *(saved(one, "TIFF") for one in (grey, colour, clear, palette, deep)),
        *(saved(colour, "TIFF", compression=name) for name in ("tiff_lzw", "jpeg", "packbits")),
        saved(deep, "TIFF", compression="tiff_adobe_deflate"),
        saved(grey.convert("1"), "TIFF", compression="group4"),
        saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]),
    ]


def truncated(content: bytearray, _all: list[bytes], random: np.random.Generator) -> bytes:
    return bytes(content[: int(random.integers(0, len(content)))])


def bits_flipped(content: bytearray, _all: list[bytes], random: np.random.Generator) -> bytes:
    for place in random.integers(0, len(content), random.integers(1, 12)):
        content[place] ^= 1 << int(random.integers(8))
    return bytes(content)


def head_damaged(content: bytearray, _all: list[bytes], random: np.random.Generator) -> bytes:
    """Sizes, counts and offsets stand near the beginning, and so does the signature."""
    for place in random.integers(0, min(96, len(content)), random.integers(1, 5)):
        content[place] = int(random.choice(EXTREMES))
    return bytes(content)


def numbers_replaced(content: bytearray, _all: list[bytes], random: np.random.Generator) -> bytes:
    for place in random.integers(0, len(content), random.integers(1, 4)):
        content[place : place + 4] = bytes([int(random.choice(EXTREMES))] * 4)
    return bytes(content)


def head_swapped(content: bytearray, others: list[bytes], random: np.random.Generator) -> bytes:
    other = others[int(random.integers(len(others)))]
    length = int(random.integers(4, 64))
    return other[:length] + bytes(content[length:])


def joined(content: bytearray, others: list[bytes], random: np.random.Generator) -> bytes:
    other = others[int(random.integers(len(others)))]
    cut = int(random.integers(0, len(content)))
    return bytes(content[:cut]) + other + bytes(content[cut:])


def part_cut_out(content: bytearray, _all: list[bytes], random: np.random.Generator) -> bytes:
    start, end = sorted(random.integers(0, len(content), 2))
    return bytes(content[:start] + content[end:])


def part_repeated(content: bytearray, _all: list[bytes], random: np.random.Generator) -> bytes:
    start, end = sorted(random.integers(0, len(content), 2))
    return bytes(content[:end] + content[start:])


MUTATIONS: list[Mutation] = [
    *(truncated, bits_flipped, head_damaged, numbers_replaced),
    *(head_swapped, joined, part_cut_out, part_repeated),
]


def checksums_mended(content: bytes) -> bytes:
    """A PNG with right checksums, so that what is wrong in it gets past them."""
    if not content.startswith(PNG):
        return content
    mended, place = bytearray(content), len(PNG)
    while place + 12 <= len(mended):
        end = place + 8 + int.from_bytes(mended[place : place + 4], "big")
        if end + 4 > len(mended):
            break
        mended[end : end + 4] = zlib.crc32(mended[place + 4 : end]).to_bytes(4, "big")
        place = end + 4
    return bytes(mended)


def mutants(count: int, seed: int) -> Iterator[bytes]:
    """Broken files; the same for the same seed."""
    random = np.random.default_rng(seed)
    files = originals()
    for number in range(count):
        content = files[number % len(files)]
        for _ in range(int(random.integers(1, 4))):
            if content:
                mutation = MUTATIONS[int(random.integers(len(MUTATIONS)))]
                content = mutation(bytearray(content), files, random)
        yield checksums_mended(content) if random.random() < 0.7 else content


def outcome(content: bytes) -> str:
    """What came of a file: ``extract_digits``, or the sentence with which it was refused."""
    try:
        extract_digits(decode(content, "mutant"))
    except UserError as error:
        return str(error)
    return "read"


def main(count: int, seed: int) -> int:
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    for content in mutants(count, seed):
        start = time.perf_counter()
        try:
            said = outcome(content)
        except Exception:
            Path("fuzz-failure.bin").write_bytes(content)
            raise
        slowest = max(slowest, time.perf_counter() - start)
        outcomes[re.sub(r"[\d,.]+ ", "# ", said)] += 1
    for said, many in outcomes.most_common():
        print(f"{many:7,}  {said}")
    print(f"slowest: {slowest:.2f} s")
    return 0


if __name__ == "__main__":
    arguments = [int(one) for one in sys.argv[1:]]
    sys.exit(main(*(arguments + [20_000, 1][len(arguments) :])))
