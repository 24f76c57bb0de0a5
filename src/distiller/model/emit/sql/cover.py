"""The circle about a region that PostgreSQL's index is made of (pgSphere)."""

from __future__ import annotations

_SCHEMA = "CREATE SCHEMA IF NOT EXISTS dst"

_COVER = """
CREATE OR REPLACE FUNCTION dst.cover(region double precision[]) RETURNS scircle
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  numbers CONSTANT integer := cardinality(region);
  x double precision[];
  y double precision[];
  z double precision[];
  lon double precision;
  lat double precision;
  sx double precision := 0;
  sy double precision := 0;
  sz double precision := 0;
  length double precision;
  farthest double precision := 0;
BEGIN
  IF numbers = 2 THEN
    RETURN scircle(spoint(radians(region[1]), radians(region[2])), 0);
  ELSIF numbers = 3 THEN
    RETURN scircle(spoint(radians(region[1]), radians(region[2])), radians(region[3]));
  ELSIF numbers < 6 OR numbers % 2 <> 0 THEN
    RAISE EXCEPTION 'a region of % numbers', numbers
      USING HINT = '2 are a point, 3 a circle, an even number from 6 on a polygon';
  END IF;
  FOR i IN 1 .. numbers / 2 LOOP
    lon := radians(region[2 * i - 1]);
    lat := radians(region[2 * i]);
    x[i] := cos(lat) * cos(lon);
    y[i] := cos(lat) * sin(lon);
    z[i] := sin(lat);
    sx := sx + x[i];
    sy := sy + y[i];
    sz := sz + z[i];
  END LOOP;
  length := sqrt(sx * sx + sy * sy + sz * sz);
  IF length > 0 THEN
    sx := sx / length;
    sy := sy / length;
    sz := sz / length;
  END IF;
  FOR i IN 1 .. numbers / 2 LOOP
    farthest := greatest(
      farthest, (x[i] - sx) ^ 2 + (y[i] - sy) ^ 2 + (z[i] - sz) ^ 2);
  END LOOP;
  IF farthest >= 2 OR length = 0 THEN
    RAISE EXCEPTION 'a region that does not fit into a hemisphere';
  END IF;
  RETURN scircle(
    spoint(atan2(sy, sx), asin(greatest(-1, least(1, sz)))),
    least(2 * asin(sqrt(farthest) / 2) + 1e-9, pi() / 2));
END
$$
""".strip()
# A circle of less than 90 deg about vertices holds the great-circle arcs between them
# too, and so the whole of a polygon that is smaller than a hemisphere: no sagitta is
# lacking. 1e-9 rad is what pgSphere takes for equal.


def cover_statements() -> tuple[str, ...]:
    """Return the statements that make ``dst.cover``, for a database with pgSphere.

    It takes a region as it is stored, degrees of ICRS: two numbers are a point (which
    gets radius 0), three a circle (which is returned), an even number from six on the
    vertices of a polygon. A polygon's circle stands about the mean of the vertices'
    unit vectors. A region that no hemisphere holds raises an error, since pgSphere
    has no circle for it.
    """
    return (_SCHEMA, _COVER)
