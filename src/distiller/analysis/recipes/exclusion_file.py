"""Which parts of the sky a file leaves out of the background.

Either a FITS image on the sky, 1 where events count as background and 0 where they do
not, as Gammapy has its exclusion masks; or regions of DS9, which do not count.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from regions import (
    CircleAnnulusSkyRegion,
    CircleSkyRegion,
    EllipseAnnulusSkyRegion,
    EllipseSkyRegion,
    PixCoord,
    PolygonSkyRegion,
    RectangleAnnulusSkyRegion,
    RectangleSkyRegion,
    Regions,
    SkyRegion,
)

if TYPE_CHECKING:
    from gammapy.maps import WcsGeom

MASK_PIXELS_MAX = 25_000_000
"""Most pixels of an image: each takes some 20 bytes while it is read."""

MASK_REGIONS_MAX = 1000
MASK_CORNERS_MAX = 10_000
"""Most corners of all polygons together."""

MASK_LINE_MAX = 1000
"""Longest line with more than numbers: the time to read one grows with its square."""

MASK_REACH_DEG = 45.0
"""How far a region that is no circle may reach from its centre."""

_NAMES = ("EXCLUSION", "MASK")
_AROUND = ("CAR", "CEA", "CYP", "MER")
"""Projections on a cylinder, whose pixels go on at the other end."""

_SHAPES = (
    CircleSkyRegion,
    CircleAnnulusSkyRegion,
    EllipseSkyRegion,
    EllipseAnnulusSkyRegion,
    RectangleSkyRegion,
    RectangleAnnulusSkyRegion,
    PolygonSkyRegion,
)
_HARMLESS = ("Found duplicate metadata", 'DS9 "')
"""What ``regions`` says of colours and the like, and not of a region."""

_WORD = re.compile(r"[#+\-\s]*([a-z0-9]+)")
"""What a line of DS9 begins with: coordinates, or a shape."""

_FRAMES = ("icrs", "fk5", "j2000", "fk4", "b1950", "galactic", "ecliptic", "image")
_OF_IMAGES = re.compile(r"physical|linear|amplifier|detector|wcs[0a-z]?")
"""Coordinates that mean nothing without an image."""

_FORMS = {
    "circle": "circle(83.6,22.0,0.3)",
    "ellipse": "ellipse(83.6,22.0,0.5,0.3,45)",
    "box": "box(83.6,22.0,1.0,0.5,45)",
    "annulus": "annulus(83.6,22.0,0.3,0.5)",
    "polygon": "polygon(83,22,84,22,83.5,23)",
}
_SHOWN = 60
"""Most characters of a line that are said again."""

_FINE_DEG = 1e-3


class UnusableFileError(ValueError):
    """The file cannot be an exclusion mask of this field; the text says why."""


def left_in(path: str | Path, geom: WcsGeom) -> tuple[Any, float]:
    """Return which pixels of a map a file does not leave out.

    Parameters
    ----------
    geom
        The map, an image.

    Returns
    -------
    Flags in the shape of the map, and the part of its pixels that the file speaks of:
    all, for regions; those within its image, for a mask. Elsewhere nothing is left out.

    Raises
    ------
    UnusableFileError
        If it is no such file, is too large, or leaves out nothing or all of the map.
    """
    sky = geom.get_coord().skycoord
    on_sky = np.isfinite(sky.spherical.lon.deg)
    with Path(path).open("rb") as stream:
        is_fits = stream.read(9) == b"SIMPLE  ="
    share = 1.0
    if is_fits:
        used, known = _of_image(Path(path), sky)
        share = float(known[on_sky].mean())
        if share == 0:
            message = "its image has no pixel in common with the field"
            raise UnusableFileError(message)
    else:
        regions = _read_regions(Path(path))
        used = ~_within(regions, sky.icrs, on_sky)
        if used.all():
            message = f"none of its {len(regions)} regions holds a pixel of the field"
            raise UnusableFileError(message)
    if not used[on_sky].any():
        message = (
            "it leaves out all of the field, and nothing counts as background; in a "
            "mask, 1 counts and 0 is left out"
        )
        raise UnusableFileError(message)
    return used, share


def _of_image(path: Path, sky: SkyCoord) -> tuple[Any, Any]:
    """Return where the mask does not forbid, and where it says anything."""
    try:
        data, wcs = _read_image(path)
    except UnusableFileError:
        raise
    except Exception as error:
        # Whatever the library makes of what it cannot read.
        message = f"it cannot be read as FITS: {_line(error)}"
        raise UnusableFileError(message) from error
    numbers = np.isfinite(data)
    wrong = data[numbers & (data != 0) & (data != 1)]
    if wrong.size:
        message = (
            f"it holds {wrong[0]:g}, where a mask holds 1 (counts as background) and 0 "
            "(is left out)"
        )
        raise UnusableFileError(message)
    rows, columns = data.shape
    # From the lower left corner of the image on.
    x, y = (np.asarray(one, dtype=float) + 0.5 for one in wcs.world_to_pixel(sky))
    if wcs.wcs.ctype[0][-3:] in _AROUND:
        turn = 360.0 / abs(wcs.wcs.cdelt[0] * wcs.wcs.get_pc()[0, 0])
        x = np.where(x < 0, x + turn, np.where(x >= columns, x - turn, x))
    # A comparison with what is no number is false.
    inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    place = tuple(np.where(inside, one, 0).astype(int) for one in (y, x))
    known = inside & numbers[place]
    return ~(known & (data[place] == 0)), known


def _read_image(path: Path) -> tuple[Any, WCS]:
    """Return the pixels of a mask and where they lie."""
    ways = {"memmap": False, "disable_image_compression": True}
    with warnings.catch_warnings(), path.open("rb") as stream:
        # Of headers that are not quite right; what matters is looked at.
        warnings.simplefilter("ignore")
        with fits.open(stream, **ways) as hdus:
            hdu = _image(hdus)
            _check_size(hdu, path)
            return np.asarray(hdu.data).reshape(hdu.shape[-2:]), _celestial(hdu.header)


def _image(hdus: fits.HDUList) -> fits.PrimaryHDU | fits.ImageHDU:
    """Return the image of a file: the only one, or the one that is named so."""
    kinds = (fits.PrimaryHDU, fits.ImageHDU)
    images = [h for h in hdus if isinstance(h, kinds) and h.header["NAXIS"] > 0]
    named = [h for h in images if h.name in _NAMES]
    found = named if len(images) > 1 else images
    if len(found) == 1:
        return found[0]
    tables = [h.header for h in hdus if isinstance(h, fits.BinTableHDU)]
    if images:
        message = f"it holds {len(images)} images; name one of them EXCLUSION"
    elif any("ZIMAGE" in header for header in tables):
        message = "its image is compressed in tiles; unpack it (funpack)"
    elif any(header.get("PIXTYPE") == "HEALPIX" for header in tables):
        message = "its pixels are those of HEALPix; write an image with a projection"
    else:
        message = "it holds no image"
    raise UnusableFileError(message)


def _check_size(hdu: fits.PrimaryHDU | fits.ImageHDU, path: Path) -> None:
    """Refuse an image before it is read that is none, or takes too much memory."""
    shape = hdu.shape
    if len(shape) < 2 or any(size != 1 for size in shape[:-2]):  # noqa: PLR2004 - an image
        axes = " x ".join(str(size) for size in reversed(shape))
        message = f"its image has {axes} pixels; a mask has two axes, right ascension "
        message += "and declination, or galactic ones, and no energies"
        raise UnusableFileError(message)
    pixels = shape[-2] * shape[-1]
    if not 0 < pixels <= MASK_PIXELS_MAX:
        message = f"its image has {pixels:,} pixels, of {MASK_PIXELS_MAX:,} at most"
        raise UnusableFileError(message)
    where = hdu.fileinfo()
    needed = where["datLoc"] + pixels * abs(hdu.header["BITPIX"]) // 8
    if path.stat().st_size < needed:
        message = f"it is cut off: it has {path.stat().st_size:,} bytes of {needed:,}"
        raise UnusableFileError(message)


def _celestial(header: fits.Header) -> WCS:
    """Return the coordinates of the first two axes, which must be on the sky."""
    try:
        wcs = WCS(header)
    except Exception as error:
        # Whatever the library makes of what it cannot read.
        message = f"its coordinates (WCS) cannot be read: {_line(error)}"
        raise UnusableFileError(message) from error
    if not wcs.has_celestial or (wcs.wcs.lng, wcs.wcs.lat) != (0, 1):
        message = "its image has no coordinates on the sky (a celestial WCS)"
        raise UnusableFileError(message)
    return wcs.celestial


def _read_regions(path: Path) -> list[SkyRegion]:
    """Return the regions of a file of DS9, all of which have an area on the sky."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = "it is no file of regions (DS9), which is text, and no FITS file"
        raise UnusableFileError(message) from error
    _check_lines(text)
    found = _parsed(text)
    if found is None:
        raise UnusableFileError(_unreadable(text))
    if not found:
        message = "it holds no region"
        raise UnusableFileError(message)
    if len(found) > MASK_REGIONS_MAX:
        message = f"it holds {len(found):,} regions, of {MASK_REGIONS_MAX:,} at most"
        raise UnusableFileError(message)
    for number, one in enumerate(found, start=1):
        fault = _fault_of(one)
        if fault:
            message = f"region {number} {fault}"
            raise UnusableFileError(message)
    polygons = [one for one in found if isinstance(one, PolygonSkyRegion)]
    corners = sum(one.vertices.size for one in polygons)
    if corners > MASK_CORNERS_MAX:
        most = f"{MASK_CORNERS_MAX:,} at most"
        message = f"its polygons have {corners:,} corners, of {most}"
        raise UnusableFileError(message)
    return found


def _parsed(text: str) -> list[Any] | None:
    """Return the regions of a text; None: the parser cannot read all of it."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = list(Regions.parse(text, format="ds9"))
        except Exception:  # noqa: BLE001 - whatever the parser makes of it
            return None
    lost = [one for one in said if not str(one.message).startswith(_HARMLESS)]
    return None if lost else found


def _unreadable(text: str) -> str:
    """Return which line the parser cannot read, and what to do: it says neither."""
    frame = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if _parsed(f"{frame}\n{line}") is None:
            return f"line {number} of it {_fault_of_line(line, frame)}"
        frame = next((w for w in reversed(_words(line)) if w in _FRAMES), frame)
    return "it is no file of regions (DS9): its lines cannot be read together"


def _fault_of_line(line: str, frame: str) -> str:
    words = _words(line)
    for word in words:
        if _OF_IMAGES.fullmatch(word):
            return (
                f'("{word}") has coordinates of some image; save it in coordinates on '
                "the sky (fk5, icrs or galactic)"
            )
    shown = "".join(c if c.isprintable() else " " for c in line)
    shown = " ".join(shown.split())[:_SHOWN]
    if not frame and _parsed(f"fk5\n{line}") is not None:
        return (
            f'("{shown}") has no coordinates said before it; write fk5, icrs or '
            "galactic on a line above it"
        )
    forms = dict.fromkeys(_FORMS[word] for word in words if word in _FORMS)
    if forms:
        form = " or ".join(forms)
        return f'("{shown}") cannot be read; a region is written like {form}, in deg'
    return f'("{shown}") cannot be read; there may be {", ".join(_FORMS)}'


def _words(line: str) -> list[str]:
    """Return what the parts of a line begin with."""
    found = (_WORD.match(part) for part in line.lower().split(";"))
    return [one.group(1) for one in found if one]


def _check_lines(text: str) -> None:
    """Refuse lines that would take long to read; one of a polygon may be long."""
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MASK_LINE_MAX and not set(line).isdisjoint("#;={"):
            most = f"{MASK_LINE_MAX:,} characters"
            message = f"line {number} of it has more than {most}; shorten its text"
            raise UnusableFileError(message)


def _fault_of(region: Any) -> str:
    """Return why a region cannot be left out; nothing if it can."""
    kind = type(region).__name__.removesuffix("SkyRegion").removesuffix("PixelRegion")
    if not isinstance(region, SkyRegion):
        return (
            f"({kind.lower()}) is in pixels of some image; save it in coordinates on "
            "the sky (fk5, icrs or galactic)"
        )
    if not isinstance(region, _SHAPES):
        return f"({kind.lower()}) has no area; take it out"
    if not region.meta.get("include", 1):
        return f"({kind.lower()}) has a minus sign, which means all but it; take it out"
    return ""


def _within(regions: list[SkyRegion], sky: SkyCoord, on_sky: Any) -> Any:
    """Return which places lie in one of the regions."""
    places = sky[on_sky]
    vectors = places.cartesian.xyz.value
    found = np.zeros(places.shape, dtype=bool)
    for number, one in enumerate(regions, start=1):
        try:
            _add_region(found, one, places, vectors)
        except (ValueError, u.UnitsError) as error:
            message = f"region {number} cannot be used: {_line(error)}"
            raise UnusableFileError(message) from error
    whole = np.zeros(on_sky.shape, dtype=bool)
    whole[on_sky] = found
    return whole


def _add_region(found: Any, region: Any, places: SkyCoord, vectors: Any) -> None:
    """Mark the places of a region; only those near it are looked at."""
    if isinstance(region, CircleSkyRegion):
        centre = region.center.icrs.cartesian.xyz.value
        found |= centre @ vectors >= np.cos(region.radius.to_value("rad"))
        return
    is_polygon = isinstance(region, PolygonSkyRegion)
    if is_polygon:
        centre = region.vertices.icrs.cartesian.xyz.value.mean(axis=1)
    else:
        centre = region.center.icrs.cartesian.xyz.value
    middle = SkyCoord(*centre, representation_type="cartesian", frame="icrs")
    middle = SkyCoord(middle.spherical.lon, middle.spherical.lat, frame="icrs")
    too_far = f"it reaches further than {MASK_REACH_DEG:g} deg from its centre"
    if (
        is_polygon
        and region.vertices.icrs.separation(middle).deg.max() > MASK_REACH_DEG
    ):
        raise ValueError(too_far)
    # Great circles are straight on the one, distances from the centre right on the
    # other.
    plane = _plane(middle, "TAN" if is_polygon else "ARC")
    shape = region.to_pixel(plane)
    box = shape.bounding_box
    size = np.hypot(max(-box.ixmin, box.ixmax), max(-box.iymin, box.iymax))
    reach_deg = (size + 1) * _FINE_DEG
    if reach_deg > MASK_REACH_DEG:
        raise ValueError(too_far)
    centre = middle.cartesian.xyz.value
    near = centre @ vectors >= np.cos(np.radians(reach_deg))
    if near.any():
        found[near] |= shape.contains(PixCoord(*plane.world_to_pixel(places[near])))


def _plane(centre: SkyCoord, projection: str) -> WCS:
    """Return a plane that touches the sky at a place, in fine pixels from there."""
    plane = WCS(naxis=2)
    plane.wcs.ctype = [f"RA---{projection}", f"DEC--{projection}"]
    plane.wcs.radesys = "ICRS"
    plane.wcs.crval = [centre.ra.deg, centre.dec.deg]
    plane.wcs.crpix = [1, 1]
    plane.wcs.cdelt = [-_FINE_DEG, _FINE_DEG]
    return plane


def _line(words: object) -> str:
    """Return what a library says on one line that is not too long."""
    return " ".join(str(words).split())[:160]
