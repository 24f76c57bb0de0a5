"""The points, circles about regions and times that PostgreSQL's indexes are made of.

What is below 1e-20 deg is 0 there: PostgreSQL refuses products that are too small for a
number, and pgSphere takes 1e-9 rad for nothing.

What names a type or an operator of pgSphere has a body that is read when the function
is made; the others name functions of ``dst`` only. So none depends on a search path,
which is empty while ``pg_restore`` makes the indexes of a dump anew.
"""

from __future__ import annotations

_SCHEMA = "CREATE SCHEMA IF NOT EXISTS dst"

_PLACE = """
CREATE OR REPLACE FUNCTION dst.place(lon double precision, lat double precision)
RETURNS spoint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN spoint(CASE WHEN abs(lon) < 1e-20 THEN 0 ELSE radians(lon) END,
  CASE WHEN abs(lat) < 1e-20 THEN 0 ELSE radians(lat) END)
""".strip()

_ARC = """
CREATE OR REPLACE FUNCTION dst.arc(
  lon1 double precision, lat1 double precision,
  lon2 double precision, lat2 double precision
) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN spoint(lon1, lat1) <-> dst.place(lon2, lat2)
""".strip()

_CIRCLE = """
CREATE OR REPLACE FUNCTION dst.circle(
  lon double precision, lat double precision, radius double precision
) RETURNS scircle LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN scircle(spoint(lon, lat), radius)
""".strip()

_POLYGON = """
CREATE OR REPLACE FUNCTION dst.cover_polygon(region double precision[]) RETURNS scircle
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  numbers CONSTANT integer := cardinality(region);
  lon double precision;
  lat double precision;
  x double precision := 0;
  y double precision := 0;
  z double precision := 0;
  farthest double precision := 0;
BEGIN
  IF numbers < 6 OR numbers % 2 <> 0 THEN
    RETURN NULL;
  END IF;
  FOR i IN 1 .. numbers BY 2 LOOP
    lon := region[i];
    lat := region[i + 1];
    IF abs(lon) <= 1e6 AND abs(lat) <= 90 THEN
      lon := CASE WHEN abs(lon) < 1e-20 THEN 0 ELSE radians(lon) END;
      lat := CASE WHEN abs(lat) < 1e-20 THEN 0 ELSE radians(lat) END;
      x := x + cos(lat) * cos(lon);
      y := y + cos(lat) * sin(lon);
      z := z + sin(lat);
    ELSE
      RETURN NULL;
    END IF;
  END LOOP;
  IF x * x + y * y + z * z < 1e-12 THEN
    RETURN NULL;
  END IF;
  lon := atan2(y, x);
  lat := atan2(z, sqrt(x * x + y * y));
  FOR i IN 1 .. numbers BY 2 LOOP
    farthest := greatest(farthest, dst.arc(lon, lat, region[i], region[i + 1]));
  END LOOP;
  IF farthest > 1.5 THEN
    RETURN NULL;
  END IF;
  RETURN dst.circle(lon, lat, farthest + 1e-8);
END
$$
""".strip()
# A circle of less than 90 deg about vertices holds the great-circle arcs between them
# too, and so the whole of a polygon that is smaller than a hemisphere.

_COVER = """
CREATE OR REPLACE FUNCTION dst.cover(region double precision[]) RETURNS scircle
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN cardinality(region) > 3 THEN dst.cover_polygon(region)
    WHEN cardinality(region) < 2 THEN NULL
    WHEN abs(region[1]) <= 1e6 AND abs(region[2]) <= 90
      AND coalesce(region[3], 0) BETWEEN 0 AND 85
      AND (cardinality(region) = 2 OR region[3] IS NOT NULL)
    THEN scircle(
      dst.place(region[1], region[2]),
      radians(greatest(coalesce(region[3], 0), 1e-20)) + 1e-8)
  END
""".strip()


_MOC = r"""
CREATE OR REPLACE FUNCTION dst.moc_ranges(moc text) RETURNS int8multirange
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  word text;
  found text[];
  finest integer;
  low numeric;
  high numeric;
  made int8range[] := '{}';
BEGIN
  FOREACH word IN ARRAY regexp_split_to_array(
    regexp_replace(btrim(moc, E' \t\r\n,'), '^t', ''), '[ \t\r\n,]+'
  ) LOOP
    found := regexp_match(word,
      '^(?:([0-9]{1,2})/)?(?:([0-9]{1,19})(?:-([0-9]{1,19}))?)?$');
    finest := coalesce(found[1]::integer, finest);
    IF found IS NULL OR finest IS NULL OR finest > 61 THEN
      RETURN NULL;
    END IF;
    IF found[2] IS NOT NULL THEN
      low := found[2]::numeric;
      high := coalesce(found[3], found[2])::numeric;
      IF low > high OR high >= (2::bigint << finest) THEN
        RETURN NULL;
      END IF;
      made := made || int8range(low::bigint << (61 - finest),
        (high::bigint + 1) << (61 - finest));
    END IF;
  END LOOP;
  RETURN coalesce((SELECT range_agg(part) FROM unnest(made) AS part), '{}');
END $$
""".strip()


def cover_statements() -> tuple[str, ...]:
    """Return what makes ``dst.place`` and ``dst.cover``, in a database with pgSphere.

    The first makes a point of a longitude and a latitude, deg. The second takes a
    region as it is stored, degrees of ICRS: two numbers are a point, three a circle, an
    even number from six on the vertices of a polygon, whose circle stands about the
    mean of the vertices' unit vectors. The cover is larger than the region by 1e-8 rad,
    since pgSphere compares with 1e-9 rad. It is NULL where there is no region, where
    the numbers are none, and where the region needs more than some 85 deg, since
    pgSphere's circles end at 90 deg: a search asks for ``dst.cover(r) IS NULL OR
    dst.cover(r) && X`` and then exactly. Neither fails.

    ``dst.moc_ranges`` makes the half-open intervals, in microseconds, of the text of a
    time MOC, NULL if it is none.
    """
    return (_SCHEMA, _PLACE, _ARC, _CIRCLE, _POLYGON, _COVER, _MOC)
