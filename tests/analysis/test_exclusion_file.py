"""Files of what is left out of the background: read, and refused with the reason."""

from __future__ import annotations

import gzip
import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from gammapy.maps import Map, MapAxis, WcsGeom, WcsNDMap
from regions import (
    CircleAnnulusSkyRegion,
    CircleSkyRegion,
    EllipseSkyRegion,
    PolygonSkyRegion,
    RectangleSkyRegion,
    Regions,
    SkyRegion,
)

from distiller.analysis.recipes import exclusion_file
from distiller.analysis.recipes.exclusion_file import UnusableFileError, left_in

if TYPE_CHECKING:
    from pathlib import Path

CRAB = SkyCoord(83.633, 22.014, unit="deg")
FIELD = WcsGeom.create(skydir=CRAB, npix=(150, 140), binsz=0.02, proj="TAN")


def at(ra: float, dec: float) -> SkyCoord:
    return SkyCoord(ra, dec, unit="deg")


SHAPES: list[SkyRegion] = [
    CircleSkyRegion(CRAB, 0.3 * u.deg),
    EllipseSkyRegion(at(84.3, 22.6), 0.8 * u.deg, 0.2 * u.deg, 30 * u.deg),
    RectangleSkyRegion(
        at(83, 21.5).galactic, 0.5 * u.deg, 0.3 * u.deg, angle=20 * u.deg
    ),
    PolygonSkyRegion(at([82.5, 83, 82.7], [22.5, 22.5, 23])),  # type: ignore[arg-type]
    CircleAnnulusSkyRegion(at(84.5, 21.2), 0.11 * u.deg, 0.3 * u.deg),
]


def gammapy_mask(geom: WcsGeom) -> Any:
    return geom.region_mask(SHAPES, inside=False).data


def written(path: Path, geom: WcsGeom, data: Any = None) -> Path:
    """Write a mask as Gammapy does."""
    mask = gammapy_mask(geom) if data is None else data
    WcsNDMap(geom, mask).write(path, overwrite=True)
    return path


@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_regions_are_left_out_as_gammapy_does(number: int, tmp_path: Path) -> None:
    path = tmp_path / "a.reg"
    Regions([SHAPES[number]]).write(path, format="ds9")
    used, share = left_in(path, FIELD)
    ours, theirs = ~used, FIELD.region_mask([SHAPES[number]]).data
    assert share == 1
    assert ours.sum() > 100
    # An edge may pass through the middle of a pixel.
    assert (ours != theirs).sum() <= 1


@pytest.mark.parametrize(
    ("projection", "frame", "bin_deg"),
    [("TAN", "icrs", 0.01), ("CAR", "galactic", 0.02), ("AIT", "galactic", 0.02)],
)
def test_a_mask_of_another_projection_means_the_same(
    projection: str, frame: str, bin_deg: float, tmp_path: Path
) -> None:
    geom = WcsGeom.create(
        skydir=CRAB, width=5, binsz=bin_deg, proj=projection, frame=frame
    )
    used, share = left_in(written(tmp_path / "m.fits", geom), FIELD)
    assert share == 1
    # Their pixels are others along the edges.
    assert (used != gammapy_mask(FIELD)).mean() < 0.01
    assert not used[70, 75]
    assert used[0, 0]


def test_the_same_pixels_are_the_same_mask(tmp_path: Path) -> None:
    used, _ = left_in(written(tmp_path / "m.fits", FIELD), FIELD)
    np.testing.assert_array_equal(used, gammapy_mask(FIELD))
    # And as ctapipe or a person writes it: numbers, among other images.
    named = fits.ImageHDU(used.astype(float), FIELD.to_header(), name="EXCLUSION")
    other = fits.PrimaryHDU(np.full(used.shape, 7.5), FIELD.to_header())
    fits.HDUList([other, named]).writeto(tmp_path / "two.fits")
    again, _ = left_in(tmp_path / "two.fits", FIELD)
    np.testing.assert_array_equal(again, used)


def test_beyond_its_edges_a_mask_leaves_nothing_out(tmp_path: Path) -> None:
    small = WcsGeom.create(skydir=CRAB, npix=(74, 140), binsz=0.02, proj="TAN")
    data = np.zeros((140, 74))
    data[:70] = np.nan
    used, share = left_in(written(tmp_path / "m.fits", small, data), FIELD)
    assert share == pytest.approx(70 * 74 / used.size)
    assert (~used).sum() == 70 * 74


def test_a_mask_of_all_the_sky_goes_round(tmp_path: Path) -> None:
    """Beyond half a turn from its reference, pixels are looked for a turn away."""
    sky = SkyCoord(0, 0, unit="deg", frame="galactic")
    geom = WcsGeom.create(skydir=sky, npix=(1440, 720), binsz=0.25, frame="galactic")
    header = geom.to_header()
    data = np.ones((720, 1440), dtype=np.uint8)
    # Longitudes from 0 to the left; the reference is the right edge.
    header["CRPIX1"], header["CRVAL1"] = 1440.5, 0.0
    lon, lat = CRAB.galactic.l.deg, CRAB.galactic.b.deg
    x, y = int(1440 - lon / 0.25), int((lat + 90) / 0.25)
    data[y - 2 : y + 3, x - 2 : x + 3] = 0
    fits.PrimaryHDU(data, header).writeto(tmp_path / "m.fits")
    used, share = left_in(tmp_path / "m.fits", FIELD)
    assert share == 1
    assert not used[70, 75]
    assert used[:5].all()


REGIONS = [
    ("", "it holds no region"),
    ("fk5\n# nothing\n", "it holds no region"),
    ("dear sirs", r'line 1 of it \("dear sirs"\) cannot be read; there may be circle'),
    ("image\ncircle(10,10,3)", r"region 1 \(circle\) is in pixels of some image; sav"),
    ("physical\ncircle(1,2,3)", r'line 1 of it \("physical"\) has coordinates of some'),
    ("fk5\ncircle(83,22,1)\nwcsa;box(1,2,3,4,5)", r'line 3 of it \("wcsa"\) has coord'),
    ("circle(83.6,22,0.3)", r"line 1 of it .* write fk5, icrs or galactic on a line"),
    ("fk5\ncircle(83.6,22,3)\npoint(83,22)", r"region 2 \(point\) has no area"),
    ("fk5\n# text(83.6,22) text={hi}", r"region 1 \(text\) has no area"),
    ("fk5\n-circle(83.6,22,0.3)", r"region 1 \(circle\) has a minus sign"),
    ("fk5\ncircle(83.6,22,1) # include=0", r"region 1 \(circle\) has a minus sign"),
    ("fk5\ncircle(10,10,1)", "none of its 1 regions holds a pixel of the field"),
    ("fk5\ncircle(83.6,122,1)", r'line 2 of it \("circle\(83.6,122,1\)"\) cannot be'),
    ("fk5\ncircle(83.6,22,-1)", r'line 2 of it \("circle\(83.6,22,-1\)"\) cannot be'),
    ("fk5\ncircle(83.6,22)", r"cannot be read; a region is written like circle\(83"),
    ("fk5;circle(83,22,3);box(84,22)", r"line 1 .* like circle\(.*\) or box\(.*\), in"),
    ("fk5\n\x01\x02circle(83", r'line 2 of it \("circle\(83"\) cannot be read'),
    ("fk5\n\n# a\ncircle(83.6,22,nan)", r'line 4 of it \("circle\(83.6,22,nan\)"\)'),
    ("fk5\npanda(83,22,0,90,3,0,3,2)\ncircle(83.6,22,1)", r'line 2 of it \("panda'),
    ("fk5\nellipse(83,22,80,1,0)", "region 1 cannot be used: it reaches further than"),
    ("fk5\npolygon(0,0,120,0,240,0)", "region 1 cannot be used: it reaches further"),
    ("fk5\n" + "circle(83.6,22,0.1)\n" * 1001, "1,001 regions, of 1,000 at most"),
    ("fk5\ncircle(83,22,1) # " + "a" * 999, "line 2 of it has more than 1,000 char"),
    ("fk5\npolygon(" + "83,22," * 10_001 + ")", "10,001 corners, of 10,000 at most"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), REGIONS)
def test_regions_that_cannot_be_used(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.reg"
    path.write_text(text)
    with pytest.raises(UnusableFileError, match=words) as caught:
        left_in(path, FIELD)
    # Nothing is skipped, and nobody knows our classes.
    assert not re.search("skipping|__init__|argument|float", str(caught.value))


def test_colours_of_regions_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.reg"
    path.write_text(
        "# Region file format: DS9\nglobal color=green dash=2\n"
        "fk5;circle(5:34:31.9,+22:00:50,18') # color=red color=blue text={Crab; M1}\n"
    )
    used, _ = left_in(path, FIELD)
    assert (~used).sum() == pytest.approx(np.pi * 15**2, rel=0.02)


def image(data: Any) -> list[Any]:
    return [fits.PrimaryHDU(data, FIELD.to_header())]


def two() -> list[Any]:
    return [*image(np.ones((4, 4))), fits.ImageHDU(np.ones((4, 4)))]


def healpix() -> list[Any]:
    table = fits.BinTableHDU.from_columns([fits.Column("T", "E", array=[1.0])])
    table.header["PIXTYPE"] = "HEALPIX"
    return [fits.PrimaryHDU(), table]


def no_sky() -> list[Any]:
    return [fits.PrimaryHDU(np.ones((4, 4)))]


def packed() -> list[Any]:
    mask = np.ones((500, 500), dtype=np.uint8)
    return [fits.PrimaryHDU(), fits.CompImageHDU(mask, FIELD.to_header())]


def spectral() -> list[Any]:
    header = fits.Header({"CTYPE1": "FREQ", "CTYPE2": "STOKES", "CRVAL1": 1.0})
    return [fits.PrimaryHDU(np.ones((4, 4)), header)]


def in_energy() -> list[Any]:
    axis = MapAxis.from_energy_bounds("1 TeV", "10 TeV", 3)
    geom = FIELD.to_cube([axis])
    return list(Map.from_geom(geom, data=1).to_hdulist())


def elsewhere() -> list[Any]:
    geom = WcsGeom.create(skydir=at(10, 10), npix=(9, 9), binsz=0.1, proj="TAN")
    return [fits.PrimaryHDU(np.ones((9, 9)), geom.to_header())]


MASKS = [
    (lambda: [fits.PrimaryHDU()], "it holds no image"),
    (healpix, "its pixels are those of HEALPix"),
    (packed, r"its image is compressed in tiles; unpack it \(funpack\)"),
    (no_sky, "its image has no coordinates on the sky"),
    (spectral, "its image has no coordinates on the sky"),
    (in_energy, "its image has 150 x 140 x 3 pixels; a mask has two axes"),
    (lambda: image(np.ones(7)), "its image has 7 pixels; a mask has two axes"),
    (two, "it holds 2 images; name one of them EXCLUSION"),
    (lambda: image(np.full((4, 4), 3.5)), "it holds 3.5, where a mask holds 1"),
    (elsewhere, "its image has no pixel in common with the field"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "words"), MASKS)
def test_masks_that_cannot_be_used(make: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "m.fits"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits.HDUList(make()).writeto(path)
    with pytest.raises(UnusableFileError, match=words):
        left_in(path, FIELD)


def test_what_leaves_out_all_of_the_field_is_refused(tmp_path: Path) -> None:
    """As a mask whose 0 and 1 are the wrong way round."""
    path = written(tmp_path / "m.fits", FIELD, np.zeros(FIELD.data_shape))
    with pytest.raises(UnusableFileError, match=r"all of the field, .* 0 is left out"):
        left_in(path, FIELD)
    (tmp_path / "a.reg").write_text("fk5\ncircle(83.6,22,9)\n")
    with pytest.raises(UnusableFileError, match="leaves out all of the field"):
        left_in(tmp_path / "a.reg", FIELD)


def cards(**values: Any) -> bytes:
    header = fits.Header({"SIMPLE": True, **values})
    return str(header.tostring()).encode()


HUGE = {"BITPIX": 8, "NAXIS": 2, "NAXIS1": 10**5, "NAXIS2": 10**5}
LARGE = {"BITPIX": 8, "NAXIS": 2, "NAXIS1": 5000, "NAXIS2": 5000}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (cards(**HUGE), "its image has 10,000,000,000 pixels, of 25,000,000 at most"),
        (cards(**{**HUGE, "NAXIS1": 2**62}), "it cannot be read as FITS"),
        (cards(**LARGE), "it is cut off: it has 2,880 bytes of 25,002,880"),
        (cards(**{**HUGE, "NAXIS": 999}), "it cannot be read as FITS|it holds no ima"),
        (cards(**LARGE)[:100], "it cannot be read as FITS|it holds no image"),
        (b"SIMPLE  = " + b"\xff" * 5000, "it cannot be read as FITS|it holds no image"),
        (gzip.compress(b"\0" * 10**7), "it is no file of regions"),
    ],
)
def test_hostile_files_are_refused_before_they_take_memory(
    content: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "m.fits"
    path.write_bytes(content)
    with pytest.raises(UnusableFileError, match=words):
        left_in(path, FIELD)


def test_scaled_numbers_and_a_long_axis_of_one_are_a_mask(tmp_path: Path) -> None:
    mask = gammapy_mask(FIELD).astype(np.int16)
    hdu = fits.PrimaryHDU(mask[np.newaxis].copy(), FIELD.to_header())
    hdu.scale("int16", bzero=1)
    hdu.writeto(tmp_path / "m.fits")
    used, _ = left_in(tmp_path / "m.fits", FIELD)
    np.testing.assert_array_equal(used, mask.astype(bool))


def test_limits_are_as_documented() -> None:
    assert exclusion_file.MASK_PIXELS_MAX == 25_000_000
    assert exclusion_file.MASK_REGIONS_MAX == 1000
