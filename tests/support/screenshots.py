"""Pictures of the console: its SVG export turned into a PNG with an installed monospace font."""

from __future__ import annotations

import io
import re

import resvg_py
from PIL import Image

FONT = "DejaVu Sans Mono"
_FACES = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)
_FAMILY = re.compile(r"font-family:\s*[^;}]+")


def with_installed_font(svg: str) -> str:
    """Return the SVG with its web font replaced, so that it draws the same without a network."""
    return _FAMILY.sub(f"font-family: {FONT}, monospace", _FACES.sub("", svg))


def render(svg: str, *, zoom: float = 1.0) -> bytes:
    """Return the PNG of a console's SVG export."""
    made = resvg_py.svg_to_bytes(
        svg_string=with_installed_font(svg), font_family=FONT, monospace_family=FONT, zoom=int(zoom)
    )
    return bytes(made)


def smaller(png: bytes) -> bytes:
    """Return a picture in 128 colours, in which a console looks the same, at less than half the size."""
    palette = Image.open(io.BytesIO(png)).convert("RGB").quantize(128, Image.Quantize.FASTOCTREE)
    made = io.BytesIO()
    palette.save(made, "PNG", optimize=True)
    return made.getvalue()
