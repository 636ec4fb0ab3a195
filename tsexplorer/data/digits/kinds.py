"""What a file is, by its first bytes; its name plays no part."""

from __future__ import annotations

from tsexplorer.errors import UserError

READABLE = "PNG, JPEG, WebP, BMP, GIF, TIFF or HEIC"
HEAD = 4096
SIGNATURES = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "BMP": (b"BM",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
HEIF_BRANDS = {b"mif1", b"mif2", b"msf1"}
OTHERS = {
    b"%PDF": "a PDF; send a picture of the page",
    b"PK\x03\x04": "a ZIP archive; unpack it and send the pictures in it",
}


def kind_of(content: bytes, shown: str) -> str:
    """Which of the formats a file has that can be read here.

    Args:
        content: the file.
        shown: its name for a sentence.

    Raises:
        UserError: none of them; says what it is, where that can be seen.
    """
    if not content:
        raise UserError(f"{shown} is empty (0 bytes); save the picture again and send that.")
    for kind, starts in SIGNATURES.items():
        if content.startswith(starts):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp" and _is_heic(content):
        return "HEIF"
    raise UserError(f"{shown} is {_other(content)}.")


def _is_heic(content: bytes) -> bool:
    """Whether the brands in an ISO media file's first box are HEIC's (ISO/IEC 23008-12)."""
    end = min(int.from_bytes(content[:4], "big"), HEAD)
    brands = {content[8:12], *(content[at : at + 4] for at in range(16, end, 4))}
    return bool(brands & HEIC_BRANDS) or (bool(brands & HEIF_BRANDS) and b"avif" not in brands)


def _other(content: bytes) -> str:
    head = content[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<") and b"<svg" in head.lower():
        return "an SVG drawing, which has no pixels; export it as PNG and send that"
    for start, words in OTHERS.items():
        if head.startswith(start):
            return words
    return f"not a picture that can be read here; send {READABLE}"
