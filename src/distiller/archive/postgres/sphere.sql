-- Regions on the sphere: what archive/geometry.py does, in SQL. A geometry is an array
-- of ICRS degrees: 2 numbers a point, 3 a circle, an even number from 6 on a polygon.
-- Borders belong to the inside, within {tolerance} rad. What is no geometry gives NULL.
--
-- pgSphere serves for finding candidates in an index only: its own comparisons are
-- coarser, its circles end at 90 deg, and its polygons refuse some that we know.

-- Vincenty (1975) on a sphere. 2^500 keeps squares from becoming too small.
CREATE OR REPLACE FUNCTION dst.separation(
  ra1 double precision, dec1 double precision, ra2 double precision, dec2 double precision
) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN degrees(atan2(
  sqrt(
    (3.273390607896142e150 * (cos(radians(dec2)) * sin(radians(ra2 - ra1))))
    * (3.273390607896142e150 * (cos(radians(dec2)) * sin(radians(ra2 - ra1))))
    + (3.273390607896142e150 * (cos(radians(dec1)) * sin(radians(dec2))
        - sin(radians(dec1)) * cos(radians(dec2)) * cos(radians(ra2 - ra1))))
    * (3.273390607896142e150 * (cos(radians(dec1)) * sin(radians(dec2))
        - sin(radians(dec1)) * cos(radians(dec2)) * cos(radians(ra2 - ra1))))
  ) / 3.273390607896142e150,
  sin(radians(dec1)) * sin(radians(dec2))
  + cos(radians(dec1)) * cos(radians(dec2)) * cos(radians(ra2 - ra1))
));

-- Of coordinates that are no place, infinite ones, nearly 0 or
-- nearly equal. Not inlined.
CREATE OR REPLACE FUNCTION dst.distance_any(
  ra1 double precision, dec1 double precision, ra2 double precision, dec2 double precision
) RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
BEGIN
  IF greatest(abs(ra1), abs(dec1), abs(ra2), abs(dec2)) > 8e307 THEN
    RETURN 'NaN';
  END IF;
  RETURN dst.separation(ra1, CASE WHEN abs(dec1) > 1e-100 THEN dec1 ELSE 0 END,
    CASE WHEN abs(ra2 - ra1) < 1e-160 THEN ra1 ELSE ra2 END,
    CASE WHEN abs(dec2) > 1e-100 THEN dec2 ELSE 0 END);
END $$;

CREATE OR REPLACE FUNCTION dst.distance(
  ra1 double precision, dec1 double precision, ra2 double precision, dec2 double precision
) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN abs(ra1) <= 1e9 AND abs(ra2) <= 1e9
    AND (abs(ra2 - ra1) >= 1e-160 OR ra1 = ra2)
    AND (abs(dec1) BETWEEN 1e-100 AND 1e9 OR dec1 = 0)
    AND (abs(dec2) BETWEEN 1e-100 AND 1e9 OR dec2 = 0)
  THEN dst.separation(ra1, dec1, ra2, dec2)
  ELSE dst.distance_any(ra1, dec1, ra2, dec2) END;

CREATE OR REPLACE FUNCTION dst.is_sound(g double precision[])
RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  size integer := cardinality(g);
BEGIN
  IF size < 2 OR size > 3 AND (size < 6 OR size % 2 = 1) THEN
    RETURN false;
  END IF;
  FOR i IN 1 .. size LOOP
    IF g[i] IS NULL OR abs(g[i]) >= 'Infinity' OR
        size > 3 AND i % 2 = 0 AND abs(g[i]) > 90 THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $$;

-- Unit vectors x, y, z, x, y, z, ... of the vertices, repeated ones once. What is below
-- 1e-20 is 0, so that no product of a few of them is too small for a number.
CREATE OR REPLACE FUNCTION dst.corners(g double precision[])
RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  size integer := cardinality(g) / CASE WHEN cardinality(g) = 3 THEN 3 ELSE 2 END;
  x double precision; y double precision; z double precision;
  u double precision; v double precision; w double precision;
  ra double precision; lat double precision;
  all_of double precision[] := '{}';
  kept double precision[] := '{}';
BEGIN
  FOR i IN 0 .. size - 1 LOOP
    ra := CASE WHEN abs(g[2 * i + 1]) < 1e-20 THEN 0 ELSE radians(g[2 * i + 1]) END;
    lat := CASE WHEN abs(g[2 * i + 2]) < 1e-20 THEN 0 ELSE radians(g[2 * i + 2]) END;
    x := cos(lat) * cos(ra);
    y := cos(lat) * sin(ra);
    z := sin(lat);
    all_of := all_of || ARRAY[
      CASE WHEN abs(x) < 1e-20 THEN 0 ELSE x END,
      CASE WHEN abs(y) < 1e-20 THEN 0 ELSE y END,
      CASE WHEN abs(z) < 1e-20 THEN 0 ELSE z END];
  END LOOP;
  IF size = 1 THEN
    RETURN all_of;
  END IF;
  u := all_of[3 * size - 2]; v := all_of[3 * size - 1]; w := all_of[3 * size];
  FOR i IN 0 .. size - 1 LOOP
    x := all_of[3 * i + 1]; y := all_of[3 * i + 2]; z := all_of[3 * i + 3];
    IF dst.angle(x, y, z, u, v, w) > {tolerance} THEN
      kept := kept || ARRAY[x, y, z];
    END IF;
    u := x; v := y; w := z;
  END LOOP;
  RETURN CASE WHEN kept = '{}' THEN all_of[1:3] ELSE kept END;
END $$;

-- The angle between two vectors, rad.
CREATE OR REPLACE FUNCTION dst.angle(
  x double precision, y double precision, z double precision,
  u double precision, v double precision, w double precision
) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN atan2(
  sqrt((y * w - z * v) * (y * w - z * v) + (z * u - x * w) * (z * u - x * w)
    + (x * v - y * u) * (x * v - y * u)),
  x * u + y * v + z * w);

-- The area of a polygon of unit vectors, sr, positive if it winds to the left: the sum
-- of the triangles that each edge forms with the mean direction, each by van Oosterom &
-- Strackee (1983).
CREATE OR REPLACE FUNCTION dst.signed_area(c double precision[])
RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  size integer := cardinality(c);
  x double precision; y double precision; z double precision;
  u double precision; v double precision; w double precision;
  mx double precision := 0; my double precision := 0; mz double precision := 0;
  length double precision;
  area double precision := 0;
BEGIN
  IF size < 9 THEN
    RETURN 0;
  END IF;
  FOR i IN 1 .. size BY 3 LOOP
    mx := mx + c[i]; my := my + c[i + 1]; mz := mz + c[i + 2];
  END LOOP;
  mx := CASE WHEN abs(mx) < 1e-20 THEN 0 ELSE mx END;
  my := CASE WHEN abs(my) < 1e-20 THEN 0 ELSE my END;
  mz := CASE WHEN abs(mz) < 1e-20 THEN 0 ELSE mz END;
  length := sqrt(mx * mx + my * my + mz * mz);
  IF length < {tolerance} THEN
    mx := c[1]; my := c[2]; mz := c[3];
  ELSE
    mx := mx / length; my := my / length; mz := mz / length;
  END IF;
  x := c[size - 2]; y := c[size - 1]; z := c[size];
  FOR i IN 1 .. size BY 3 LOOP
    u := c[i]; v := c[i + 1]; w := c[i + 2];
    area := area + 2 * atan2(
      (y * w - z * v) * mx + (z * u - x * w) * my + (x * v - y * u) * mz,
      1 + x * mx + y * my + z * mz + u * mx + v * my + w * mz + x * u + y * v + z * w);
    x := u; y := v; z := w;
  END LOOP;
  -- A loop that bounds more than half of the sphere bounds the rest as well.
  RETURN area - CASE WHEN abs(area) > 2 * pi() THEN 4 * pi() * sign(area) ELSE 0 END;
END $$;

-- The distance of a place to the border of a polygon, rad: to the foot of the
-- perpendicular on an arc where that lies on it, else to one of its ends.
CREATE OR REPLACE FUNCTION dst.edge_distance(
  px double precision, py double precision, pz double precision, c double precision[]
) RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  size integer := cardinality(c);
  x double precision; y double precision; z double precision;
  u double precision; v double precision; w double precision;
  nx double precision; ny double precision; nz double precision;
  fx double precision; fy double precision; fz double precision;
  length double precision;
  height double precision;
  nearest double precision := 'Infinity';
BEGIN
  x := c[size - 2]; y := c[size - 1]; z := c[size];
  FOR i IN 1 .. size BY 3 LOOP
    u := c[i]; v := c[i + 1]; w := c[i + 2];
    nearest := least(nearest, dst.angle(px, py, pz, u, v, w));
    nx := y * w - z * v; ny := z * u - x * w; nz := x * v - y * u;
    length := sqrt(nx * nx + ny * ny + nz * nz);
    IF length > 0 THEN
      nx := nx / length; ny := ny / length; nz := nz / length;
      height := px * nx + py * ny + pz * nz;
      fx := px - height * nx; fy := py - height * ny; fz := pz - height * nz;
      IF abs(height) < sin(least(nearest, pi() / 2))
        AND (y * fz - z * fy) * nx + (z * fx - x * fz) * ny + (x * fy - y * fx) * nz >= 0
        AND (fy * w - fz * v) * nx + (fz * u - fx * w) * ny + (fx * v - fy * u) * nz >= 0
      THEN
        nearest := least(nearest,
          abs(atan2(height, sqrt(fx * fx + fy * fy + fz * fz))));
      END IF;
    END IF;
    x := u; y := v; z := w;
  END LOOP;
  RETURN nearest;
END $$;

-- Whether a place lies on the other side of the sky than a polygon, if that has a side.
-- Of a polygon that crosses itself, a part winds the other way: what lies opposite to
-- that part turns in the sense of the whole as well.
CREATE OR REPLACE FUNCTION dst.is_opposite(
  px double precision, py double precision, pz double precision, c double precision[]
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  x double precision := 0; y double precision := 0; z double precision := 0;
BEGIN
  FOR i IN 1 .. cardinality(c) BY 3 LOOP
    x := x + c[i]; y := y + c[i + 1]; z := z + c[i + 2];
  END LOOP;
  x := CASE WHEN abs(x) < 1e-20 THEN 0 ELSE x END;
  y := CASE WHEN abs(y) < 1e-20 THEN 0 ELSE y END;
  z := CASE WHEN abs(z) < 1e-20 THEN 0 ELSE z END;
  IF px * x + py * y + pz * z > 0 THEN
    RETURN false;
  END IF;
  FOR i IN 1 .. cardinality(c) BY 3 LOOP
    IF c[i] * x + c[i + 1] * y + c[i + 2] * z <= 0 THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $$;

-- Whether a place lies in a polygon, border included; the winding is the sign of its
-- area. Seen from inside, a vertex that runs round the polygon turns once, in that sense.
CREATE OR REPLACE FUNCTION dst.is_inside(
  px double precision, py double precision, pz double precision,
  c double precision[], winding double precision
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  size integer := cardinality(c);
  x double precision; y double precision; z double precision;
  u double precision; v double precision; w double precision;
  turned double precision := 0;
BEGIN
  IF size >= 9 THEN
    x := c[size - 2]; y := c[size - 1]; z := c[size];
    FOR i IN 1 .. size BY 3 LOOP
      u := c[i]; v := c[i + 1]; w := c[i + 2];
      turned := turned + atan2(
        px * (y * w - z * v) + py * (z * u - x * w) + pz * (x * v - y * u),
        x * u + y * v + z * w
          - (px * x + py * y + pz * z) * (px * u + py * v + pz * w));
      x := u; y := v; z := w;
    END LOOP;
    IF turned * winding > pi() AND NOT dst.is_opposite(px, py, pz, c) THEN
      RETURN true;
    END IF;
  END IF;
  RETURN dst.edge_distance(px, py, pz, c) <= {tolerance};
END $$;

-- Whether an edge of one polygon properly crosses an edge of the other.
CREATE OR REPLACE FUNCTION dst.edges_cross(a double precision[], b double precision[])
RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  x double precision; y double precision; z double precision;
  u double precision; v double precision; w double precision;
  nx double precision; ny double precision; nz double precision;
  bx double precision; by_ double precision; bz double precision;
  before double precision; after double precision;
  s double precision; t double precision;
  mx double precision; my double precision; mz double precision;
BEGIN
  x := a[cardinality(a) - 2]; y := a[cardinality(a) - 1]; z := a[cardinality(a)];
  FOR i IN 1 .. cardinality(a) BY 3 LOOP
    u := a[i]; v := a[i + 1]; w := a[i + 2];
    nx := y * w - z * v; ny := z * u - x * w; nz := x * v - y * u;
    bx := b[cardinality(b) - 2]; by_ := b[cardinality(b) - 1]; bz := b[cardinality(b)];
    before := -(nx * bx + ny * by_ + nz * bz);
    FOR j IN 1 .. cardinality(b) BY 3 LOOP
      after := nx * b[j] + ny * b[j + 1] + nz * b[j + 2];
      IF before > {crossing} AND after > {crossing}
          OR before < -{crossing} AND after < -{crossing} THEN
        mx := by_ * b[j + 2] - bz * b[j + 1];
        my := bz * b[j] - bx * b[j + 2];
        mz := bx * b[j + 1] - by_ * b[j];
        s := mx * x + my * y + mz * z;
        t := -(mx * u + my * v + mz * w);
        IF before > 0 AND s > {crossing} AND t > {crossing}
            OR before < 0 AND s < -{crossing} AND t < -{crossing} THEN
          RETURN true;
        END IF;
      END IF;
      bx := b[j]; by_ := b[j + 1]; bz := b[j + 2];
      before := -after;
    END LOOP;
    x := u; y := v; z := w;
  END LOOP;
  RETURN false;
END $$;

CREATE OR REPLACE FUNCTION dst.all_inside(
  a double precision[], c double precision[], winding double precision
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
BEGIN
  FOR i IN 1 .. cardinality(a) BY 3 LOOP
    IF NOT dst.is_inside(a[i], a[i + 1], a[i + 2], c, winding) THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $$;

-- The middles of the edges.
CREATE OR REPLACE FUNCTION dst.middles(c double precision[])
RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  size integer := cardinality(c);
  x double precision; y double precision; z double precision;
  u double precision; v double precision; w double precision;
  length double precision;
  found double precision[] := '{}';
BEGIN
  u := c[size - 2]; v := c[size - 1]; w := c[size];
  FOR i IN 1 .. size BY 3 LOOP
    x := u + c[i]; y := v + c[i + 1]; z := w + c[i + 2];
    length := sqrt(x * x + y * y + z * z);
    found := found || ARRAY[x / length, y / length, z / length];
    u := c[i]; v := c[i + 1]; w := c[i + 2];
  END LOOP;
  RETURN found;
END $$;

CREATE OR REPLACE FUNCTION dst.in_circle(inner_ double precision[], circle double precision[])
RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  radius double precision := dst.radians(circle[3]) + {tolerance};
  o double precision[] := dst.corners(circle);
  c double precision[] := dst.corners(inner_);
BEGIN
  IF cardinality(inner_) < 6 THEN
    RETURN radius >= pi() OR dst.angle(c[1], c[2], c[3], o[1], o[2], o[3])
      + CASE WHEN cardinality(inner_) = 3 THEN dst.radians(inner_[3]) ELSE 0 END <= radius;
  ELSIF radius <= pi() / 2 THEN
    FOR i IN 1 .. cardinality(c) BY 3 LOOP
      IF dst.angle(c[i], c[i + 1], c[i + 2], o[1], o[2], o[3]) > radius THEN
        RETURN false;
      END IF;
    END LOOP;
    RETURN true;
  END IF;
  -- What a large circle leaves out is a small one around the antipode.
  RETURN NOT dst.is_inside(-o[1], -o[2], -o[3], c, sign(dst.signed_area(c)))
    AND dst.edge_distance(-o[1], -o[2], -o[3], c) >= pi() - radius;
END $$;

CREATE OR REPLACE FUNCTION dst.in_polygon(inner_ double precision[], o double precision[])
RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  c double precision[] := dst.corners(inner_);
  winding double precision := sign(dst.signed_area(o));
BEGIN
  IF NOT dst.all_inside(c, o, winding) THEN
    RETURN false;
  ELSIF cardinality(inner_) = 2 THEN
    RETURN true;
  ELSIF cardinality(inner_) = 3 THEN
    RETURN dst.edge_distance(c[1], c[2], c[3], o) >= dst.radians(inner_[3]) - {tolerance};
  END IF;
  -- An edge whose ends are inside can pass outside between two vertices of a notch.
  RETURN NOT dst.edges_cross(c, o) AND dst.all_inside(dst.middles(c), o, winding);
END $$;

CREATE OR REPLACE FUNCTION dst.contains_any(a double precision[], b double precision[])
RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT COST 1000 AS $$
DECLARE
  plain boolean;
BEGIN
  IF cardinality(a) < 4 AND cardinality(b) > 3 THEN
    plain := dst.at_sight(b, a, true);
  ELSIF cardinality(a) > 3 AND cardinality(b) = 3 THEN
    plain := dst.in_circle_at_sight(a, b);
  END IF;
  IF plain IS NOT NULL THEN
    RETURN plain;
  ELSIF NOT (dst.is_sound(a) AND dst.is_sound(b)) THEN
    RETURN NULL;
  ELSIF cardinality(b) = 2 THEN
    RETURN (cardinality(a) = 2 OR cardinality(a) = 3 AND a[3] <= 0)
      AND dst.distance(a[1], a[2], b[1], b[2]) <= degrees({tolerance}::double precision);
  ELSIF cardinality(b) = 3 THEN
    RETURN dst.in_circle(a, b);
  END IF;
  RETURN dst.in_polygon(a, dst.corners(b));
END $$;

CREATE OR REPLACE FUNCTION dst.intersects_any(a double precision[], b double precision[])
RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT COST 1000 AS $$
DECLARE
  c double precision[];
  o double precision[];
  winding double precision;
  plain boolean;
BEGIN
  IF cardinality(a) > 3 AND cardinality(b) = 3 THEN
    plain := dst.at_sight(a, b, false);
    IF plain IS NOT NULL THEN
      RETURN plain;
    END IF;
  END IF;
  IF cardinality(a) = 2 THEN
    RETURN dst.contains_any(a, b);
  ELSIF cardinality(b) = 2 THEN
    RETURN dst.contains_any(b, a);
  ELSIF cardinality(a) = 3 THEN
    RETURN dst.intersects_any(b, a);
  ELSIF NOT (dst.is_sound(a) AND dst.is_sound(b)) THEN
    RETURN NULL;
  END IF;
  c := dst.corners(a);
  o := dst.corners(b);
  winding := sign(dst.signed_area(c));
  IF cardinality(b) = 3 THEN
    RETURN dst.is_inside(o[1], o[2], o[3], c, winding)
      OR dst.edge_distance(o[1], o[2], o[3], c) <= dst.radians(b[3]) + {tolerance};
  END IF;
  FOR i IN 1 .. cardinality(o) BY 3 LOOP
    IF dst.is_inside(o[i], o[i + 1], o[i + 2], c, winding) THEN
      RETURN true;
    END IF;
  END LOOP;
  winding := sign(dst.signed_area(o));
  FOR i IN 1 .. cardinality(c) BY 3 LOOP
    IF dst.is_inside(c[i], c[i + 1], c[i + 2], o, winding) THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN dst.edges_cross(c, o);
END $$;

CREATE OR REPLACE FUNCTION dst.contains(a double precision[], b double precision[])
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN cardinality(a) = 2 AND cardinality(b) = 3 THEN
    dst.distance(a[1], a[2], b[1], b[2]) <= b[3] + {tolerance_deg}
  WHEN cardinality(a) = 3 AND cardinality(b) = 3 THEN
    b[3] >= 180 OR
    dst.distance(a[1], a[2], b[1], b[2]) + a[3] <= b[3] + {tolerance_deg}
  ELSE dst.contains_any(a, b) END;

CREATE OR REPLACE FUNCTION dst.intersects(a double precision[], b double precision[])
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN cardinality(a) = 3 AND cardinality(b) = 3 THEN
    dst.distance(a[1], a[2], b[1], b[2]) <= a[3] + b[3] + {tolerance_deg}
  WHEN cardinality(a) = 2 AND cardinality(b) = 3 THEN
    dst.distance(a[1], a[2], b[1], b[2]) <= b[3] + {tolerance_deg}
  WHEN cardinality(a) = 3 AND cardinality(b) = 2 THEN
    dst.distance(a[1], a[2], b[1], b[2]) <= a[3] + {tolerance_deg}
  ELSE dst.intersects_any(a, b) END;

-- Whether a place, given by its coordinates, lies in a region.
CREATE OR REPLACE FUNCTION dst.holds(
  g double precision[], ra double precision, lat double precision
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN cardinality(g) = 3 THEN
    dst.distance(ra, lat, g[1], g[2]) <= g[3] + {tolerance_deg}
  ELSE dst.contains_any(ARRAY[ra, lat], g) END;

CREATE OR REPLACE FUNCTION dst.area_any(g double precision[])
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN dst.is_sound(g) THEN
  abs(dst.signed_area(dst.corners(g))) * degrees(1::double precision) ^ 2 END;

CREATE OR REPLACE FUNCTION dst.area(g double precision[])
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN NOT (abs(g[2]) <= 90 AND (cardinality(g) <> 3 OR g[3] >= 0)) THEN NULL
  WHEN cardinality(g) = 2 THEN 0::double precision
  WHEN cardinality(g) = 3 THEN
    CASE WHEN g[3] > 1e-100 THEN 4 * pi() * sin(radians(least(g[3], 180)) / 2) ^ 2
      * degrees(1::double precision) ^ 2 WHEN g[3] >= 0 THEN 0::double precision END
  ELSE dst.area_any(g) END;

-- The direction of the integral of the position vector over the inside of a polygon:
-- half the sum, over the edges, of length times unit normal (Stokes).
CREATE OR REPLACE FUNCTION dst.centroid_any(g double precision[])
RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  c double precision[];
  size integer;
  x double precision; y double precision; z double precision;
  u double precision; v double precision; w double precision;
  nx double precision; ny double precision; nz double precision;
  sx double precision := 0; sy double precision := 0; sz double precision := 0;
  length double precision;
  angle double precision;
  winding double precision;
  ra double precision;
BEGIN
  IF NOT dst.is_sound(g) THEN
    RETURN NULL;
  END IF;
  c := dst.corners(g);
  size := cardinality(c);
  winding := sign(dst.signed_area(c));
  x := c[size - 2]; y := c[size - 1]; z := c[size];
  FOR i IN 1 .. size BY 3 LOOP
    u := c[i]; v := c[i + 1]; w := c[i + 2];
    nx := y * w - z * v; ny := z * u - x * w; nz := x * v - y * u;
    length := sqrt(nx * nx + ny * ny + nz * nz);
    IF length > 0 THEN
      angle := winding * atan2(length, x * u + y * v + z * w);
      sx := sx + angle * (nx / length);
      sy := sy + angle * (ny / length);
      sz := sz + angle * (nz / length);
    END IF;
    x := u; y := v; z := w;
  END LOOP;
  IF sx = 0 AND sy = 0 AND sz = 0 THEN
    FOR i IN 1 .. size BY 3 LOOP
      sx := sx + c[i]; sy := sy + c[i + 1]; sz := sz + c[i + 2];
    END LOOP;
  END IF;
  -- Squares of what is below 1e-140 would be too small for a number.
  length := greatest(abs(sx), abs(sy), abs(sz), 1e-300);
  sx := CASE WHEN abs(sx) < length * 1e-20 THEN 0 ELSE sx / length END;
  sy := CASE WHEN abs(sy) < length * 1e-20 THEN 0 ELSE sy / length END;
  ra := degrees(atan2(sy, sx));
  RETURN ARRAY[ra + CASE WHEN ra < 0 THEN 360 ELSE 0 END,
    degrees(atan2(sz / length, sqrt(sx * sx + sy * sy)))];
END $$;

CREATE OR REPLACE FUNCTION dst.centroid(g double precision[])
RETURNS double precision[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN NOT (abs(g[2]) <= 90 AND (cardinality(g) <> 3 OR g[3] >= 0)) THEN NULL
  WHEN cardinality(g) < 6 THEN ARRAY[
    CASE WHEN g[1] >= 0 AND g[1] < 360 THEN g[1] ELSE g[1] - 360 * floor(g[1] / 360) END,
    g[2]]
  ELSE dst.centroid_any(g) END;

-- Whole numbers get their ".0"; where every number has its point there are none, and the
-- slow look for them is left out.
CREATE OR REPLACE FUNCTION dst.polygon_text(g double precision[])
RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  numbers CONSTANT text := array_to_string(g, ' ');
BEGIN
  IF octet_length(numbers) - octet_length(replace(numbers, '.', '')) = cardinality(g) THEN
    RETURN 'POLYGON ICRS ' || numbers;
  END IF;
  RETURN 'POLYGON ICRS '
    || regexp_replace(numbers, '(^| )(-?\d+)(?= |$)', '\1\2.0', 'g');
END $$;

CREATE OR REPLACE FUNCTION dst.region_text(g double precision[])
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE cardinality(g)
  WHEN 2 THEN 'POSITION ICRS ' || dst.text(g[1]) || ' ' || dst.text(g[2])
  WHEN 3 THEN
    'CIRCLE ICRS ' || dst.text(g[1]) || ' ' || dst.text(g[2]) || ' ' || dst.text(g[3])
  ELSE dst.polygon_text(g) END;

-- Conditions that indexes answer -------------------------------------------------------
-- Each is true wherever the exact condition that stands beside it is, and {slack} rad
-- wider than that: pgSphere takes 1e-9 rad for nothing.

-- Circles that cover a circle together: itself, or both halves of the sphere.
CREATE OR REPLACE FUNCTION dst.around(
  ra double precision, lat double precision, radius double precision
) RETURNS scircle[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN radius < 0 THEN ARRAY[]::scircle[]
  WHEN radius < 85 THEN
    ARRAY[scircle(dst.place(ra, lat), radians(greatest(radius, 1e-20)) + {slack})]
  WHEN radius >= 85 THEN ARRAY[scircle(spoint(0, pi() / 2), pi() / 2),
    scircle(spoint(0, -pi() / 2), pi() / 2)] END;

-- Circles that cover a region together. Not inlined: of a constant they are made once,
-- when the query is planned.
CREATE OR REPLACE FUNCTION dst.covers(g double precision[])
RETURNS scircle[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN CASE WHEN dst.cover(g) IS NOT NULL THEN ARRAY[dst.cover(g)]
    ELSE dst.around(0, 0, 180) END;
END $$;

-- Whether a place may lie in a circle: an index on
-- dst.place(ra, dec) serves.
CREATE OR REPLACE FUNCTION dst.may_be_near(
  ra double precision, lat double precision,
  lon0 double precision, lat0 double precision, radius double precision
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN dst.place(ra, lat) <@ ANY (dst.around(lon0, lat0, radius));

-- The same for a radius below 85 deg, as a circle.
CREATE OR REPLACE FUNCTION dst.may_be_close(
  ra double precision, lat double precision,
  lon0 double precision, lat0 double precision, radius double precision
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN dst.place(ra, lat)
  <@ scircle(dst.place(lon0, lat0), radians(greatest(radius, 1e-20)) + {slack});

-- Whether a place may lie in a region: an index on the place serves.
CREATE OR REPLACE FUNCTION dst.may_be_in(
  ra double precision, lat double precision, g double precision[]
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN dst.place(ra, lat) <@ ANY (dst.covers(g));

-- Whether a region may meet another: an index on dst.cover(g) serves. Rows that it finds
-- are looked at once more, so that what holds for most stands first.
CREATE OR REPLACE FUNCTION dst.may_meet(g double precision[], other double precision[])
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN dst.cover(g) && ANY (dst.covers(other))
  OR dst.cover(g) IS NULL AND g IS NOT NULL;
