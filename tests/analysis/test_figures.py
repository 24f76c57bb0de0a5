"""Pictures of maps: pixels as they are while they are few, and bounded when many."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.wcs import WCS
from matplotlib import colormaps
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from PIL import Image

from distiller.analysis import figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.slow

_BOX = (0.13, 0.1, 0.673, 0.76)


def _drawn(data: NDArray[Any]) -> Figure:
    """Draw a map of 4 x 4 deg."""
    rows, columns = data.shape
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [83.63, 22.01]
    wcs.wcs.crpix = [(columns + 1) / 2, (rows + 1) / 2]
    wcs.wcs.cdelt = [-4 / columns, 4 / rows]
    figure = Figure(figsize=(7.0, 6.2), dpi=figures.DPI)
    axes = figures.sky_axes(figure, _BOX, wcs, "icrs", grid=0.2)
    colours = figures.sky_image(axes, data, Normalize(0, float(np.nanmax(data))))
    figures.colour_bar(figure, colours, (0.86, 0.1, 0.025, 0.76), "Counts")
    figures.titled(figure, "A map", "of a test")
    return figure


def _image_in(svg: bytes) -> NDArray[Any]:
    """Return the map within an SVG, RGBA; the colour bar is long and narrow."""
    found = re.findall(rb"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)\"", svg)
    images = [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]
    widest = max(images, key=lambda one: min(one.size))
    return np.asarray(widest.convert("RGBA"))


def test_few_pixels_stand_in_the_svg_as_they_are() -> None:
    data = np.random.default_rng(5).poisson(3.0, (40, 40)).astype(float)
    data[3, 7] = np.nan
    svg = figures.svg_bytes(_drawn(data))
    found = _image_in(svg)
    expected = colormaps[figures.COLOURS](data / np.nanmax(data), bytes=True)
    expected[3, 7] = 0  # transparent: the ground shows
    np.testing.assert_array_equal(found, expected)
    # An SVG counts rows from above, a map from below: the picture is turned over.
    (matrix,) = re.findall(rb'transform="matrix\(([^)]*)\)"', svg)
    across, _, _, up, *_ = map(float, matrix.split())
    assert across > 0 > up


def test_many_pixels_make_no_large_svg() -> None:
    data = np.random.default_rng(5).poisson(3.0, (2000, 2000)).astype(float)
    figure = _drawn(data)
    rows, columns, _ = _image_in(figures.svg_bytes(figure)).shape
    width, height = figure.get_size_inches() * figures.DPI
    assert rows <= height
    assert columns <= width


@pytest.mark.parametrize("size", [30, 1200])
def test_the_png_shows_the_same_colours(size: int) -> None:
    """Halves of one value each, so that it does not matter how they are resampled."""
    data = np.zeros((size, size))
    data[:, size // 2 :] = 1.0
    picture = Image.open(io.BytesIO(figures.png_bytes(_drawn(data)))).convert("RGB")
    left, bottom, width, height = _BOX
    y = round((1 - bottom - 0.77 * height) * picture.height)
    for part, value in ((0.27, 0.0), (0.77, 1.0)):
        x = round((left + part * width) * picture.width)
        expected = colormaps[figures.COLOURS](value, bytes=True)[:3]
        assert picture.getpixel((x, y)) == tuple(int(one) for one in expected)


def test_a_picture_is_the_same_bytes_each_time() -> None:
    data = np.arange(900.0).reshape(30, 30)
    for write in (figures.png_bytes, figures.svg_bytes):
        assert write(_drawn(data)) == write(_drawn(data))


@pytest.mark.parametrize("title", ["W" * 25, "W" * 26, "A long name " * 20])
def test_a_title_never_leaves_the_figure(title: str) -> None:
    figure = _drawn(np.ones((9, 9)))
    figures.titled(figure, title, "")
    figures.png_bytes(figure)
    ends = [text.get_window_extent().x1 for text in figure.texts]
    assert max(ends) <= figure.bbox.x1
