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
from astropy.coordinates import IllegalSecondWarning, SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from regions import CircleSkyRegion, PixCoord, PolygonSkyRegion, Regions, SkyRegion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gammapy.maps import WcsGeom

MASK_PIXELS_MAX = 25_000_000
"""Most pixels of an image: each takes some 20 bytes while it is read."""

MASK_REGIONS_MAX = 1000
MASK_CORNERS_MAX = 10_000
"""Most corners of all polygons together."""

MASK_REACH_DEG = 45.0
"""How far a region that is no circle may reach from its centre."""

_NAMES = ("EXCLUSION", "MASK")
_AROUND = ("CAR", "CEA", "CYP", "MER")
"""Projections on a cylinder, whose pixels go on at the other end."""

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
_HOLD = {
    "circle": "3: its centre and a radius",
    "ellipse": "5: its centre, two radii and an angle",
    "box": "5: its centre, two sizes and an angle",
    "annulus": "4: its centre and two radii",
    "polygon": "two for each of at least three corners",
}
_COUNTS = {
    "circle": range(3, 4),
    "ellipse": range(5, 10**9, 2),
    "box": range(5, 10**9, 2),
    "annulus": range(4, 10**9),
    "polygon": range(6, 10**9, 2),
}
"""How many numbers a shape may have; several rings in each other are one, too."""

_NOT_TURNED = 4
"""So many numbers has an ellipse or a box that is not turned."""

_NO_AREA = ("point", "line", "text")

_TEXT = re.compile(r"""=\s*(?:\{[^}]*\}?|"[^"]*"?|'[^']*'?)""")
"""The text of a property, in which nothing has a meaning."""

_ENDLESS = re.compile(r"""=[{"']""")
_COMMENT = re.compile(r"\s*#(?! [+-]?(?:text|composite)\()", re.IGNORECASE)
"""What begins a comment, which these two only look like."""

_WORDS = re.compile(r"([+-]?)([a-z0-9]*)(.*)", re.DOTALL)
_INSIDE = re.compile(r"\(([^()]*)\)|([^()]*)")
_NUMBER = re.compile(
    r"""[+-]?[0-9.]{1,40}(?:e[+-]?0*[0-9]{1,2})?["'dr]?|[+-]?[0-9.]+[:hd][0-9:.hdms'"]*"""
)
_MINUS = re.compile(r"\binclude\s*=\s*0")
_PLUS = re.compile(r"\binclude\s*=\s*1")
_SHAPE = re.compile(rf"\b(?:{'|'.join(_FORMS)})\s*\(")

_SHOWN = 60
"""Most characters of a line that are said again."""

_FINE_DEG = 1e-3
_HALF_TURN = 180 * u.deg


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


def _read_regions(path: Path) -> list[tuple[int, SkyRegion]]:
    """Return the regions of a file of DS9, each with its line; all have an area.

    The package ``regions`` passes over or misreads what it does not expect. So it is
    given one region at a time, and of its line only numbers that fit the shape.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = "it is no file of regions (DS9), which is text, and no FITS file"
        raise UnusableFileError(message) from error
    found: list[tuple[int, SkyRegion]] = []
    frame, corners = "", 0
    for number, part in _region_parts(text):
        word, rest = _word(part)
        fault = _fault_of_part(part, frame)
        if word in _FRAMES:
            frame = word
        elif word in _FORMS and not fault:
            numbers = _numbers(rest)
            corners += len(numbers) // 2 if word == "polygon" else 0
            _check_room(len(found) + 1, corners)
            read = _parsed(word, numbers, frame)
            found += [(number, one) for one in read]
            fault = "" if read else _unreadable(word)
        if fault:
            shown = "".join(c if c.isprintable() else " " for c in part)
            shown = " ".join(shown.split())[:_SHOWN]
            message = f'line {number} of it ("{shown}") {fault}'
            raise UnusableFileError(message)
    if not found:
        message = "it holds no region"
        raise UnusableFileError(message)
    _check_room(len(found), corners)
    return found


def _region_parts(text: str) -> Iterator[tuple[int, str]]:
    """Yield what is said and on which line, without comments and texts of properties.

    >>> list(_region_parts("fk5; circle(3,2,1) # text={a;b} width=1"))
    [(1, 'fk5'), (1, 'circle(3,2,1) # text= width=1')]
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if _COMMENT.match(line):
            continue
        for part in _TEXT.sub(_without_text, line).split(";"):
            if _COMMENT.match(part):
                break
            if part.strip():
                yield number, part.strip()


def _without_text(found: re.Match[str]) -> str:
    """Return what stands for a text: nothing, or its beginning if it has no end."""
    text = found.group()[1:].strip()
    ends = len(text) > 1 and text[-1] == {"{": "}"}.get(text[0], text[0])
    return "=" if ends else f"={text[0]}"


def _word(part: str) -> tuple[str, str]:
    """Return the shape or coordinates of a part, and what follows up to properties."""
    head = part.lower().removeprefix("# ").partition("#")[0]
    found = _WORDS.match(head)
    return ("", head) if found is None else (found[2], found[3].strip(" \t|"))


def _fault_of_part(part: str, frame: str) -> str:
    """Return why a part cannot be used; nothing if its region can be read."""
    word, rest = _word(part)
    fault = ""
    if _OF_IMAGES.fullmatch(word) or (frame == "image" and word in _FORMS):
        fault = (
            "has coordinates of some image; save it in coordinates on the sky (fk5, "
            "icrs or galactic)"
        )
    elif _ENDLESS.search(part):
        fault = "has a text that does not end"
    elif word == "global" or word in _FRAMES:
        if (rest and word in _FRAMES) or _SHAPE.search(part.lower()):
            fault = f'has more after "{word}"; write that on a line of its own'
    elif word not in (*_FORMS, *_NO_AREA, "composite"):
        fault = f"cannot be read; there may be {', '.join(_FORMS)}"
    elif word in _NO_AREA:
        fault = f"is a {word}, which has no area; take it out"
    elif _is_minus(part):
        fault = "has a minus sign (or include=0), which means all but it; take it out"
    elif word in _FORMS:
        fault = _fault_of_numbers(word, rest)
        if not frame and not fault:
            fault = (
                "has no coordinates said before it; write fk5, icrs or galactic on a "
                "line above it"
            )
    return fault


def _is_minus(part: str) -> bool:
    """Whether a region means what lies outside of it; a property goes before a sign."""
    if _MINUS.search(part.lower()):
        return True
    return part.lstrip("# ").startswith("-") and not _PLUS.search(part.lower())


def _fault_of_numbers(word: str, rest: str) -> str:
    """Return in which way numbers are not those of a shape."""
    if not _INSIDE.fullmatch(rest):
        if ")" not in rest:
            return 'has no ")"; is it cut off?'
        return (
            "has more than numbers in one pair of parentheses; write one region on a "
            f"line, like {_FORMS[word]}"
        )
    *items, _ = rest.strip("()").split(",")
    if not all(one.strip() for one in items):
        return f"has nothing before a comma; it is written like {_FORMS[word]}"
    numbers = _numbers(rest)
    if not all(_NUMBER.fullmatch(one) for one in numbers):
        return _unreadable(word)
    count = len(numbers)
    if count in _COUNTS[word] or (word in ("ellipse", "box") and count == _NOT_TURNED):
        return ""
    kind = f"an {word}" if word[0] in "ae" else f"a {word}"
    return (
        f"has {count} numbers, and {kind} has {_HOLD[word]}; it is written like "
        f"{_FORMS[word]}, in deg"
    )


def _numbers(rest: str) -> list[str]:
    """Return what stands between blanks and commas.

    >>> _numbers("(5:34:32, +22:00:52 30')")
    ['5:34:32', '+22:00:52', "30'"]
    """
    return rest.strip("()").replace(",", " ").split()


def _check_room(regions: int, corners: int) -> None:
    """Refuse more than can be drawn in a short time."""
    if regions > MASK_REGIONS_MAX:
        message = f"it holds more than {MASK_REGIONS_MAX:,} regions"
        raise UnusableFileError(message)
    if corners > MASK_CORNERS_MAX:
        message = f"its polygons have more than {MASK_CORNERS_MAX:,} corners"
        raise UnusableFileError(message)


def _parsed(word: str, numbers: list[str], frame: str) -> list[SkyRegion]:
    """Return a region, or several rings; none: the numbers cannot be read."""
    if word == "ellipse" and len(numbers) == _NOT_TURNED:
        # Else the second radius is taken for the angle.
        numbers = [*numbers, "0"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Of seconds that were rounded up to 60, which are understood.
        warnings.simplefilter("ignore", IllegalSecondWarning)
        try:
            text = f"{frame}\n{word}({','.join(numbers)})"
            return list(Regions.parse(text, format="ds9"))
        except Exception:  # noqa: BLE001 - whatever the parser makes of it
            return []


def _unreadable(word: str) -> str:
    return f"cannot be read; a region is written like {_FORMS[word]}, in deg"


def _within(regions: list[tuple[int, SkyRegion]], sky: SkyCoord, on_sky: Any) -> Any:
    """Return which places lie in one of the regions."""
    places = sky[on_sky]
    vectors = places.cartesian.xyz.value
    found = np.zeros(places.shape, dtype=bool)
    for number, one in regions:
        try:
            _add_region(found, one, places, vectors)
        except (ValueError, u.UnitsError) as error:
            message = f"line {number} of it cannot be used: {_line(error)}"
            raise UnusableFileError(message) from error
    whole = np.zeros(on_sky.shape, dtype=bool)
    whole[on_sky] = found
    return whole


def _add_region(found: Any, region: Any, places: SkyCoord, vectors: Any) -> None:
    """Mark the places of a region; only those near it are looked at."""
    if isinstance(region, CircleSkyRegion):
        if not region.radius <= _HALF_TURN:
            message = "its radius is more than 180 deg"
            raise ValueError(message)
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
