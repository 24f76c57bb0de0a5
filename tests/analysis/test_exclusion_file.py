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
    EllipseAnnulusSkyRegion,
    EllipseSkyRegion,
    PolygonSkyRegion,
    RectangleAnnulusSkyRegion,
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


RADII = "".join(f",{n}e-3" for n in range(1, 1003))
REGIONS = [
    ("", "it holds no region"),
    ("fk5\n# nothing\n", "it holds no region"),
    ("dear sirs", r'line 1 of it \("dear sirs"\) cannot be read; there may be circle'),
    ("image\ncircle(10,10,3)", r'line 2 .*"circle\(10,10,3\)"\) has coordinates of so'),
    ("physical\ncircle(1,2,3)", r'line 1 of it \("physical"\) has coordinates of some'),
    ("fk5\ncircle(83,22,1)\nwcsa;box(1,2,3,4,5)", r'line 3 of it \("wcsa"\) has coord'),
    ("circle(83.6,22,0.3)", r"line 1 of it .* write fk5, icrs or galactic on a line"),
    ("fk5\ncircle(83.6,22,3)\npoint(83,22)", "line 3 .* is a point, which has no area"),
    ("fk5\n# text(83.6,22) text={hi}", "line 2 .* is a text, which has no area; take"),
    ("fk5\nline(83,22,84,22) # line=0 0", "line 2 .* is a line, which has no area"),
    ("fk5\n-circle(83.6,22,0.3)", r'line 2 of it \("-circle.*"\) has a minus sign'),
    ("fk5\ncircle(83.6,22,1) # include=0", r"line 2 .* has a minus sign \(or include"),
    ("fk5\n# composite(83,22,0) || composite=1 include=0", "line 2 .* has a minus si"),
    ("fk5\ncircle(10,10,1)", "none of its 1 regions holds a pixel of the field"),
    ("fk5\ncircle(83.6,122,1)", r'line 2 of it \("circle\(83.6,122,1\)"\) cannot be'),
    ("fk5\ncircle(83.6,22,-1)", r'line 2 of it \("circle\(83.6,22,-1\)"\) cannot be'),
    ("fk5\ncircle(83.6,22,°)", r"cannot be read; a region is written like circle\(83"),
    ("fk5\n\x01\x02circle(83", r'line 2 of it \("circle\(83"\) cannot be read'),
    ("fk5\n\n# a\ncircle(83.6,22,nan)", r'line 4 of it \("circle\(83.6,22,nan\)"\)'),
    ("fk5\npanda(83,22,0,90,3,0,3,2)\ncircle(83.6,22,1)", r'line 2 of it \("panda'),
    ("fk5\nellipse(83,22,80,1,0)", "line 2 of it cannot be used: it reaches further t"),
    ("fk5\npolygon(0,0,120,0,240,0)", "line 2 of it cannot be used: it reaches furth"),
    ("fk5\ncircle(83,22,500)", "line 2 .* used: its radius is more than 180 deg"),
    ("fk5\n" + "circle(83.6,22,0.1)\n" * 1001, "it holds more than 1,000 regions"),
    (f"fk5\nannulus(83,22{RADII})", "it holds more than 1,000 regions"),
    ("fk5\npolygon(" + "83,22," * 10_001 + ")", "its polygons have more than 10,000 c"),
]  # fmt: skip

LIKE_A_CIRCLE = r"written like circle\(83.6,22.0,0.3\), in deg"
MISREAD = [
    ("polygon(83,22,84)", "has 3 numbers, and a polygon has two for each of at least"),
    ("polygon(83,22,84,22)", "has 4 numbers, and a polygon has two for each of at le"),
    ("polygon(83,22,84,22,83.5)", r"has 5 .* like polygon\(83,22,84,22,83.5,23\)"),
    ("circle(83,22)", f"has 2 numbers, and a circle has 3: .*{LIKE_A_CIRCLE}"),
    ("circle(83,22,0.5,7,8)", f"has 5 numbers, and a circle has 3: .*{LIKE_A_CIRCLE}"),
    ("circle(5 34 32,+22 00 52,0.5)", f"has 7 numbers, and a circle.*{LIKE_A_CIRCLE}"),
    ("circle(83,,0.5,0.3)", "has nothing before a comma; it is written like circle"),
    ("circle(83,22,0.5", r'\("circle\(83,22,0.5"\) has no "\)"; is it cut off'),
    ("circle(83,22,0.5)(84,22,1)", "has more than numbers in one pair of parenthes"),
    ("circle(83,22,1) circle(84,22,1)", "more than numbers .* one region on a line"),
    ("circle(83,22,1) -circle(83,22,0.5)", "more than numbers .* one region on a li"),
    ('circle(83,22,1) "the Crab"', "has more than numbers in one pair of parenthese"),
    ("circle(1_0,22,1)", f"cannot be read; a region is {LIKE_A_CIRCLE}"),
    ("circle(83,22,1e400)", f"cannot be read; a region is {LIKE_A_CIRCLE}"),
    ("ellipse(83,22,0.5)", r"has 3 .* an ellipse has 5: .* like ellipse\(83.6"),
    ("ellipse(83,22,1,1e400,0)", r"cannot be read; a region is written like ellipse"),
    ("ellipse(83,22,0.3,0.2,0.5,45)", r"has 6 numbers, and an ellipse has 5: "),
    ("box(83,22,1)", r"has 3 .* a box has 5: .* like box\(83.6,22.0,1.0,0.5,45\)"),
    ("box(83,22,1,0.5,45,7)", "has 6 numbers, and a box has 5: its centre, two sizes"),
    ("annulus(83,22,1)", r"has 3 .* an annulus has 4: .* like annulus\(83.6"),
    ("annulus(83,22,1,0.5)", r"cannot be read; a region is written like annulus\(83"),
    ("galactic circle(184,-5,1)", 'has more after "galactic"; write that on a line o'),
    ("global color=#f00 circle(83,22,1)", 'has more after "global"; write that on a'),
    ("circle(83,22,1) # text={a; circle(84,22,1)", "has a text that does not end"),
]  # fmt: skip
"""What ``regions`` takes for something else, or passes over without a word."""


@pytest.mark.parametrize(("line", "words"), MISREAD)
def test_what_a_shape_does_not_have_is_refused_with_its_line(
    line: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.reg"
    path.write_text(f"fk5\ncircle(83.6,22,0.3)\n\n{line}\n")
    with pytest.raises(UnusableFileError, match=f"^line 4 of it .*{words}"):
        left_in(path, FIELD)
    # And among others on a line.
    path.write_text(f"fk5; circle(83.6,22,0.3); {line}")
    with pytest.raises(UnusableFileError, match=f"^line 1 of it .*{words}"):
        left_in(path, FIELD)


HEAD = """# Region file format: DS9 version 4.1
# Filename: /data/crab;2.fits
global color=green dashlist=8 3 width=1 font="helvetica 10 normal roman" select=1 \
highlite=1 dash=0 fixed=0 edit=1 move=1 delete=1 include=1 source=1
"""
RING = CircleAnnulusSkyRegion(CRAB, 0.2 * u.deg, 0.4 * u.deg)
OUTER = CircleAnnulusSkyRegion(CRAB, 0.4 * u.deg, 0.7 * u.deg)
TURNED = EllipseSkyRegion(CRAB, 1.2 * u.deg, 0.6 * u.deg, 30 * u.deg)
FLAT = EllipseSkyRegion(CRAB, 1.2 * u.deg, 0.6 * u.deg)
BOX = RectangleSkyRegion(CRAB, 1.2 * u.deg, 0.6 * u.deg)
SKEW = RectangleSkyRegion(CRAB, 1.2 * u.deg, 0.6 * u.deg, angle=30 * u.deg)
CIRCLE = SHAPES[0]
TRIANGLE = SHAPES[3]
FRAME = RectangleAnnulusSkyRegion(
    CRAB, 0.4 * u.deg, 0.8 * u.deg, 0.2 * u.deg, 0.4 * u.deg, 30 * u.deg
)
SHELLS = [
    EllipseAnnulusSkyRegion(
        CRAB, 2 * a * u.deg, 2 * b * u.deg, a * u.deg, b * u.deg, 30 * u.deg
    )
    for a, b in ((0.2, 0.4), (0.4, 0.6))
]
EDGE = ",".join(f"{ra:.7f},22.5" for ra in np.linspace(82.5, 83, 90))
LONG = f"polygon({EDGE},82.7,23.0)"
COMPOSITE = """fk5
# composite(83.6,22,45) || composite=1 color=red text={a;b}
circle(83.633,22.014,18.0') || # color=red
annulus(83.633,22.014,0.4,0.7)
"""
VALID: list[tuple[str, list[SkyRegion]]] = [
    ("fk5\ncircle(83.633,22.014,0.3)", [CIRCLE]),
    ('fk5\ncircle(5:34:31.92,+22:00:50.4,1080.000") # color=red', [CIRCLE]),
    ("fk5\ncircle(5:34:31.92,+22:00:50.4,18.0')", [CIRCLE]),
    ("icrs\ncircle(5h34m31.92s,22d00m50.4s,0.3d)", [CIRCLE]),
    ("J2000; CIRCLE 83.633 22.014 18'", [CIRCLE]),
    ("fk5;+circle( 83.633 , 22.014 , 0.3 )# width=2", [CIRCLE]),
    ("fk5\ncircle(1.459671208r,0.384216782r,5.23598776e-03r)", [CIRCLE]),
    ("fk5\nCircle(83.633d 22.014d 3e-1) # text='it; \"is' tag={a;b} tag={c}", [CIRCLE]),
    ("galactic;circle(12:34:56,-5:00:00,1);icrs;circle(83.633,22.014,0.3)", [CIRCLE]),
    ("fk4;circle(0,0,1)\necliptic;circle(0,0,1)\nfk5;circle(83.633,22.014,0.3)",
     [CIRCLE]),
    ("fk5\ncircle(5:34:31.92,22:00:50.4,18') # text={Barnard's; -circle(1)}", [CIRCLE]),
    ("fk5\n-circle(83.633,22.014,0.3) # include=1 background", [CIRCLE]),
    ('fk5\ncircle(83.633,22.014,0.3) # text={include=0} font="a 9.5"', [CIRCLE]),
    ("fk5\n# the Crab; circle(84,22,1)\ncircle(83.633,22.014,0.3)", [CIRCLE]),
    ("fk5\ncircle(5:34:31.92,+22:00:50.4,18') # dash=1 dashlist=8.5 3\n\n", [CIRCLE]),
    ("fk5\nellipse(83.633,22.014,0.6,0.3,30)", [TURNED]),
    ("fk5\nellipse(83.633,22.014,0.6,0.3)", [FLAT]),
    ("fk5\nellipse 83.633 22.014 36' 18' ; box 83.633 22.014 72' 36'", [FLAT, BOX]),
    ("fk5\nbox(83.633,22.014,1.2,0.6)", [BOX]),
    ('fk5\nbox(83.633,22.014,4320",2160",30)', [SKEW]),
    ("fk5\nbox(83.633,22.014,0.4,0.2,0.8,0.4,30)", [FRAME]),
    ("fk5\nellipse(83.633,22.014,0.2,0.1,0.4,0.2,0.6,0.3,30)", SHELLS),
    ("fk5\nannulus(83.633,22.014,12',24')", [RING]),
    ("fk5\nannulus(83.633,22.014,0.2,0.4,0.7)", [RING, OUTER]),
    ("fk5\npolygon(82.5,22.5 83,22.5 82.7,23)", [TRIANGLE]),
    ("fk5\npolygon(5:30:00,22:30:00,5:32:00,22:30:00,5:30:48,+23:00:00)", [TRIANGLE]),
    (f"fk5\n{LONG} # color=#a0b1c2 text={{long}}", [TRIANGLE]),
    ("fk5;" + ";".join(["circle(83.633,22.014,0.3)"] * 50), [CIRCLE]),
    (COMPOSITE, [CIRCLE, OUTER]),
    ("fk5\n# vector(83,22,1,45) vector=1\ncircle(83.633,22.014,0.3)", [CIRCLE]),
    ("fk5\ncircle(5:34:31.92,22:00:50.4,18')\r\nbox(83.633,22.014,1.2,0.6)\r\n",
     [CIRCLE, BOX]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "meant"), VALID)
@pytest.mark.parametrize("head", ["", HEAD])
def test_what_is_written_as_ds9_has_it_is_read(
    head: str, text: str, meant: list[SkyRegion], tmp_path: Path
) -> None:
    path = tmp_path / "a.reg"
    path.write_bytes((head + text).encode())
    used, _ = left_in(path, FIELD)
    ours, theirs = ~used, FIELD.region_mask(meant).data
    assert ours.sum() > 100
    # Numbers are rounded, and an edge may pass through the middle of a pixel.
    assert (ours != theirs).sum() <= 2


def test_sixty_seconds_are_a_minute(tmp_path: Path) -> None:
    """As they come of rounding."""
    path = tmp_path / "a.reg"
    masks = []
    for ra in ("5:34:60.00", "5:35:00"):
        path.write_text(f"fk5\ncircle({ra},22:00:50,0.3)")
        masks.append(left_in(path, FIELD)[0])
    assert not masks[0].all()
    np.testing.assert_array_equal(*masks)


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
