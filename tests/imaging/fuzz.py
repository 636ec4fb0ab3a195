"""Fuzzing with damaged picture files: the pipeline must raise no exception but UserError.

    python -m tests.imaging.fuzz [COUNT] [SEED]

prints the number of files per outcome and the longest time. At another exception it writes the
file to ``fuzz-failure.bin`` and stops.
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

from tests.imaging.image_files import encode_image, seven
from tsexplorer.errors import UserError
from tsexplorer.imaging import decode, extract_digits

SIDE = (24, 20)
PNG = b"\x89PNG\r\n\x1a\n"
ORIENTATION = 0x0112
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF)
Mutation = Callable[[bytearray, list[bytes], np.random.Generator], bytes]


def originals() -> list[bytes]:
    """Intact files of every format and many modes, each a few hundred bytes."""
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
        *(encode_image(image) for image in (grey, colour, clear, palette, deep, grey.convert("1"))),
        encode_image(palette, transparency=0),
        encode_image(grey, exif=exif),
        encode_image(frames[0], save_all=True, append_images=frames[1:]),
        *(encode_image(image, "JPEG") for image in (grey, colour, colour.convert("CMYK"))),
        encode_image(colour, "JPEG", progressive=True, exif=exif),
        *(
            encode_image(image, "WEBP", lossless=lossless)
            for image in (colour, clear)
            for lossless in (0, 1)
        ),
        encode_image(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        *(encode_image(image, "BMP") for image in (grey, colour, palette, grey.convert("1"))),
        encode_image(palette, "GIF"),
        encode_image(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        *(encode_image(image, "TIFF") for image in (grey, colour, clear, palette, deep)),
        *(
            encode_image(colour, "TIFF", compression=name)
            for name in ("tiff_lzw", "jpeg", "packbits")
        ),
        encode_image(deep, "TIFF", compression="tiff_adobe_deflate"),
        encode_image(grey.convert("1"), "TIFF", compression="group4"),
        encode_image(frames[0], "TIFF", save_all=True, append_images=frames[1:]),
    ]


def truncate(content: bytearray, _all: list[bytes], random: np.random.Generator) -> bytes:
    return bytes(content[: int(random.integers(0, len(content)))])


def flip_bits(content: bytearray, _all: list[bytes], random: np.random.Generator) -> bytes:
    for offset in random.integers(0, len(content), random.integers(1, 12)):
        content[offset] ^= 1 << int(random.integers(8))
    return bytes(content)


def damage_header(content: bytearray, _all: list[bytes], random: np.random.Generator) -> bytes:
    """Change bytes near the beginning, where signature, sizes, counts and offsets are."""
    for offset in random.integers(0, min(96, len(content)), random.integers(1, 5)):
        content[offset] = int(random.choice(EXTREMES))
    return bytes(content)


def replace_numbers(content: bytearray, _all: list[bytes], random: np.random.Generator) -> bytes:
    for offset in random.integers(0, len(content), random.integers(1, 4)):
        content[offset : offset + 4] = bytes([int(random.choice(EXTREMES))] * 4)
    return bytes(content)


def swap_headers(content: bytearray, others: list[bytes], random: np.random.Generator) -> bytes:
    other = others[int(random.integers(len(others)))]
    length = int(random.integers(4, 64))
    return other[:length] + bytes(content[length:])


def join_files(content: bytearray, others: list[bytes], random: np.random.Generator) -> bytes:
    other = others[int(random.integers(len(others)))]
    cut = int(random.integers(0, len(content)))
    return bytes(content[:cut]) + other + bytes(content[cut:])


def cut_part(content: bytearray, _all: list[bytes], random: np.random.Generator) -> bytes:
    start, end = sorted(random.integers(0, len(content), 2))
    return bytes(content[:start] + content[end:])


def repeat_part(content: bytearray, _all: list[bytes], random: np.random.Generator) -> bytes:
    start, end = sorted(random.integers(0, len(content), 2))
    return bytes(content[:end] + content[start:])


MUTATIONS: list[Mutation] = [
    *(truncate, flip_bits, damage_header, replace_numbers),
    *(swap_headers, join_files, cut_part, repeat_part),
]


def repair_checksums(content: bytes) -> bytes:
    """Correct the checksums of a PNG, so that its decoder reaches the damaged data."""
    if not content.startswith(PNG):
        return content
    repaired, offset = bytearray(content), len(PNG)
    while offset + 12 <= len(repaired):
        end = offset + 8 + int.from_bytes(repaired[offset : offset + 4], "big")
        if end + 4 > len(repaired):
            break
        repaired[end : end + 4] = zlib.crc32(repaired[offset + 4 : end]).to_bytes(4, "big")
        offset = end + 4
    return bytes(repaired)


def mutants(count: int, seed: int) -> Iterator[bytes]:
    """Damaged files; the same for the same seed."""
    random = np.random.default_rng(seed)
    files = originals()
    for index in range(count):
        content = files[index % len(files)]
        for _ in range(int(random.integers(1, 4))):
            if content:
                mutation = MUTATIONS[int(random.integers(len(MUTATIONS)))]
                content = mutation(bytearray(content), files, random)
        yield repair_checksums(content) if random.random() < 0.7 else content


def outcome(content: bytes) -> str:
    """``read`` if a file passes the pipeline, else the sentence of its UserError."""
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
            message = outcome(content)
        except Exception:
            Path("fuzz-failure.bin").write_bytes(content)
            raise
        slowest = max(slowest, time.perf_counter() - start)
        outcomes[re.sub(r"[\d,.]+ ", "# ", message)] += 1
    for message, frequency in outcomes.most_common():
        print(f"{frequency:7,}  {message}")
    print(f"slowest: {slowest:.2f} s")
    return 0


if __name__ == "__main__":
    arguments = [int(image) for image in sys.argv[1:]]
    sys.exit(main(*(arguments + [20_000, 1][len(arguments) :])))
