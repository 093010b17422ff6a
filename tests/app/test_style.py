"""Contrast of the page's colors by WCAG 2.1, 1.4.3 (text, 4.5) and 1.4.11 (graphics, 3)."""

import re

import pytest

from src.app.crystal import LINES, SITE_COLORS
from src.app.figures import INK, QUIET
from src.app.style import CSS

LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part))
    for part in CSS.split("@media (prefers-color-scheme: dark)")[:2]
)


def luminance(color):
    """Relative luminance of sRGB."""
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    """Contrast ratio, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_and_white_is_the_standards():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_text_and_curves_can_be_read(colors):
    for name in ("ink", "quiet", "q-primary", "warn", "bad"):
        assert contrast(colors[name], colors["paper"]) > 4.5, name
    for name in ("ink", "warn"):
        assert contrast(colors[name], colors["chosen"]) > 4.5, name
    for color in (*SITE_COLORS, INK, QUIET, LINES):
        assert contrast(color, colors["paper"]) > 3, color
