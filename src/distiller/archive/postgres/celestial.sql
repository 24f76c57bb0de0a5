-- HEALPix, proper motion, other frames and sexagesimal texts: what archive/celestial.py
-- does, with the same operations in the same order. What is no number, no place on the
-- sphere or no cell gives NULL; what is below 1e-40 is 0, since PostgreSQL refuses
-- products that are too small for a number.

CREATE OR REPLACE FUNCTION dst.clean(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(x) < 1e-40 THEN 0 ELSE x END;

CREATE OR REPLACE FUNCTION dst.longitude(x double precision)
RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  rest double precision;
BEGIN
  IF x >= 0 AND x < 360 THEN
    RETURN x;
  END IF;
  rest := dst.mod(x, 360);
  RETURN CASE WHEN rest >= 0 THEN rest WHEN rest + 360 < 360 THEN rest + 360 ELSE 0 END;
END $$;

-- The bits of a number below 2^29, a 0 before each, and the reverse.
CREATE OR REPLACE FUNCTION dst.spread(x bigint)
RETURNS bigint LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
BEGIN
  x := (x | (x << 16)) & 281470681808895;
  x := (x | (x << 8)) & 71777214294589695;
  x := (x | (x << 4)) & 1085102592571150095;
  x := (x | (x << 2)) & 3689348814741910323;
  RETURN (x | (x << 1)) & 6148914691236517205;
END $$;

CREATE OR REPLACE FUNCTION dst.squeezed(x bigint)
RETURNS bigint LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
BEGIN
  x := x & 6148914691236517205;
  x := (x | (x >> 1)) & 3689348814741910323;
  x := (x | (x >> 2)) & 1085102592571150095;
  x := (x | (x >> 4)) & 71777214294589695;
  x := (x | (x >> 8)) & 281470681808895;
  RETURN (x | (x >> 16)) & 4294967295;
END $$;

-- Gorski et al. 2005 (ApJ 622, 759), NESTED.
CREATE OR REPLACE FUNCTION dst.healpix_index(o bigint, g double precision[])
RETURNS bigint LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  ra double precision := dst.longitude(dst.clean(g[1]));
  lat double precision := dst.clean(g[2]);
  n bigint;
  q double precision; z double precision; c double precision; k bigint;
  p bigint; m bigint; face bigint; x bigint; y bigint;
BEGIN
  IF ra IS NULL OR lat IS NULL OR o NOT BETWEEN 0 AND 29 OR ra >= 360
      OR abs(lat) > 90 THEN
    RETURN NULL;
  END IF;
  n := 1::bigint << o::integer;
  q := ra / 90;
  z := sin(radians(lat));
  IF abs(z) <= 0.6666666666666666::double precision THEN
    p := floor(n * (0.5::double precision + q) - n * (z * 0.75::double precision));
    m := floor(n * (0.5::double precision + q) + n * (z * 0.75::double precision));
    face := CASE WHEN p >> o::integer = m >> o::integer THEN (p >> o::integer) | 4
      WHEN p >> o::integer < m >> o::integer THEN p >> o::integer
      ELSE (m >> o::integer) + 8 END;
    x := m & (n - 1);
    y := n - (p & (n - 1)) - 1;
  ELSE
    c := 2.449489742783178::double precision * sin(radians(90 - abs(lat)) / 2);
    k := least(3, floor(q));
    p := least(n - 1, floor((q - k) * (n * c))::bigint);
    m := least(n - 1, floor((1 - (q - k)) * (n * c))::bigint);
    IF z >= 0 THEN
      face := k; x := n - m - 1; y := n - p - 1;
    ELSE
      face := k + 8; x := p; y := m;
    END IF;
  END IF;
  RETURN (face << (2 * o::integer)) + dst.spread(x) + 2 * dst.spread(y);
END $$;

CREATE OR REPLACE FUNCTION dst.healpix_center(o bigint, i bigint)
RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  n bigint; face bigint; x bigint; y bigint; r bigint; w bigint; k bigint; d bigint;
  lat double precision;
BEGIN
  IF o NOT BETWEEN 0 AND 29 THEN
    RETURN NULL;
  ELSIF i < 0 OR i >= 12 * (1::bigint << (2 * o::integer)) THEN
    RETURN NULL;
  END IF;
  n := 1::bigint << o::integer;
  face := i >> (2 * o::integer);
  x := dst.squeezed(i & ((1::bigint << (2 * o::integer)) - 1));
  y := dst.squeezed((i & ((1::bigint << (2 * o::integer)) - 1)) >> 1);
  r := (2 + face / 4) * n - x - y - 1;
  k := 2 * (face % 4) + CASE WHEN face / 4 = 1 THEN 0 ELSE 1 END;
  w := CASE WHEN r < n THEN r WHEN r > 3 * n THEN 4 * n - r ELSE n END;
  d := k * w + x - y;
  IF d < 0 THEN
    d := d + 8 * w;
  END IF;
  IF w < n THEN
    lat := CASE WHEN r < n THEN 1 ELSE -1 END * (90 - 2 * degrees(asin(
      w::double precision / (n::double precision * 2.449489742783178::double precision))));
  ELSE
    lat := degrees(asin(
      (2 * n - r)::double precision * 2 / (3 * n)::double precision));
  END IF;
  RETURN ARRAY[45::double precision * d::double precision / w::double precision, lat];
END $$;

-- The place in a direction.
CREATE OR REPLACE FUNCTION dst.direction(
  x double precision, y double precision, z double precision
) RETURNS double precision[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[dst.longitude(degrees(atan2(y, x))), degrees(atan2(z, sqrt(x * x + y * y)))];

-- A geometry in another frame: each of its places turned by a matrix, row by row.
CREATE OR REPLACE FUNCTION dst.turned(g double precision[], m double precision[])
RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  made double precision[] := '{}';
  a double precision; b double precision;
  x double precision; y double precision; z double precision;
BEGIN
  IF NOT dst.is_sound(g) THEN
    RETURN NULL;
  END IF;
  FOR i IN 0 .. cardinality(g) / 2 - 1 LOOP
    IF abs(g[2 * i + 2]) > 90 THEN
      RETURN NULL;
    END IF;
    a := radians(dst.clean(g[2 * i + 1]));
    b := radians(dst.clean(g[2 * i + 2]));
    x := dst.clean(cos(b) * cos(a));
    y := dst.clean(cos(b) * sin(a));
    z := sin(b);
    made := made || dst.direction(m[1] * x + m[2] * y + m[3] * z,
      m[4] * x + m[5] * y + m[6] * z, m[7] * x + m[8] * y + m[9] * z);
  END LOOP;
  RETURN CASE WHEN cardinality(g) = 3 THEN made || g[3] ELSE made END;
END $$;

-- A place at another epoch: ESA SP-1200 (1997) volume 1 section 1.5.5. mas, km/s, years.
CREATE OR REPLACE FUNCTION dst.epoch(
  ra double precision, lat double precision, parallax double precision,
  pmra double precision, pmdec double precision, radial_velocity double precision,
  ref_epoch double precision, out_epoch double precision
) RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  mas double precision := 4.84813681109536e-09;
  a double precision; d double precision; t double precision;
  m double precision; n double precision; f double precision;
BEGIN
  ra := dst.clean(ra);
  lat := dst.clean(lat);
  parallax := dst.clean(coalesce(parallax, 0));
  pmra := dst.clean(coalesce(pmra, 0));
  pmdec := dst.clean(coalesce(pmdec, 0));
  radial_velocity := dst.clean(coalesce(radial_velocity, 0));
  t := dst.clean(dst.plus(out_epoch, -ref_epoch));
  IF NOT coalesce(abs(ra) <= 1e9 AND abs(lat) <= 90 AND abs(t) <= 1e9
      AND abs(parallax) <= 1e9 AND abs(pmra) <= 1e9 AND abs(pmdec) <= 1e9
      AND abs(radial_velocity) <= 1e9, false) THEN
    RETURN NULL;
  END IF;
  a := radians(ra);
  d := radians(lat);
  m := pmra * mas * t;
  n := pmdec * mas * t;
  f := 1 + radial_velocity * parallax / 4.740470463533349::double precision * mas * t;
  RETURN dst.direction(
    cos(d) * cos(a) * f - sin(a) * m - sin(d) * cos(a) * n,
    cos(d) * sin(a) * f + cos(a) * m - sin(d) * sin(a) * n,
    sin(d) * f + cos(d) * n);
END $$;

-- h:m:s, hhmmss or hHmMsS, and with degrees: the first of the three that is not NULL.
CREATE OR REPLACE FUNCTION dst.sexagesimal(
  given text, pattern text, most double precision
) RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  r text[] := regexp_match(given, pattern);
  h double precision := coalesce(r[2], r[5], r[8])::double precision;
  m double precision := coalesce(r[3], r[6], r[9])::double precision;
  s double precision := coalesce(r[4], r[7], r[10])::double precision;
BEGIN
  IF m < 60 AND s < 60 AND h + m / 60 + s / 3600 <= most THEN
    RETURN CASE WHEN r[1] = '-' THEN -1 ELSE 1 END * (h + m / 60 + s / 3600);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION dst.hms(given text)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN given !~ '[+-]' THEN 15 * dst.sexagesimal(given, '{hours}', 24) END;

CREATE OR REPLACE FUNCTION dst.dms(given text)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN dst.sexagesimal(given, '{degrees}', 360);

-- The number of the bin of a histogram: 0 below the lowest, bins + 1 above the highest.
CREATE OR REPLACE FUNCTION dst.bin(
  x double precision, low double precision, high double precision, bins integer
) RETURNS integer LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF x IS NULL OR x < low THEN
    RETURN 0;
  ELSIF x > high THEN
    RETURN bins + 1;
  END IF;
  RETURN least(bins,
    1 + floor(dst.times_any(dst.over_any(x - low, high - low), bins))::integer);
END $$;

CREATE OR REPLACE FUNCTION dst.counted(counts integer[], bin integer, bins integer)
RETURNS integer[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF counts IS NULL THEN
    counts := array_fill(0, ARRAY[bins + 2]);
  END IF;
  counts[bin + 1] := counts[bin + 1] + 1;
  RETURN counts;
END $$;

CREATE OR REPLACE AGGREGATE dst.histogram(bin integer, bins integer) (
  SFUNC = dst.counted, STYPE = integer[], PARALLEL = SAFE);

CREATE OR REPLACE FUNCTION dst.overlaps(
  l1 double precision, h1 double precision, l2 double precision, h2 double precision
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN h1 >= l2 AND h2 >= l1 AND l1 <= h1 AND l2 <= h2;

-- A text that is not too long for a row.
CREATE OR REPLACE FUNCTION dst.bounded(given text, most integer)
RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
BEGIN
  IF length(given) > most THEN
    RAISE EXCEPTION 'a text became longer than % characters', most
      USING ERRCODE = 'string_data_right_truncation';
  END IF;
  RETURN given;
END $$;

-- Whether all words of a text stand in another.
CREATE OR REPLACE FUNCTION dst.has_words(haystack text, needle text)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  word text;
BEGIN
  FOREACH word IN ARRAY regexp_split_to_array(needle, '[ \t\n\r\f]+') LOOP
    IF word <> '' AND NOT dst.has_word(haystack, word) THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $$;
