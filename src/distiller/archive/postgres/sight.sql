-- What is plain at first sight: whether a polygon meets a circle, or holds it; a point is
-- one of radius 0. NULL is "look closely", where a border is nearer than 1e-7 rad, an
-- edge as short, or the inside not plain.
--
-- Seen from the centre of the circle, in the plane that touches the sphere there, great
-- circles are straight and what is near stays near (gnomonic projection); 41 deg around
-- that are enough. A polygon that turns round its centre once, each edge in the same
-- sense, has it inside. 1e-25 is nothing there, and no product becomes too small.
CREATE OR REPLACE FUNCTION dst.at_sight(
  g double precision[], o double precision[], is_held boolean
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  size CONSTANT integer := cardinality(g);
  radius CONSTANT double precision := CASE cardinality(o) WHEN 2 THEN 0 ELSE o[3] END;
  ra CONSTANT double precision := o[1] - 1e-25;
  edges integer := size / 2;
  turns double precision := 0;
  lefts double precision := 0;
  nearest double precision := 'Infinity';
  near double precision; far double precision;
  s double precision; c double precision; t double precision; k double precision;
  s0 double precision; c0 double precision;
  x double precision; y double precision; u double precision; v double precision;
  w double precision;
BEGIN
  IF (size BETWEEN 6 AND 200 AND size % 2 = 0 AND -1000 <= ALL (g) AND 1000 >= ALL (g)
      AND abs(ra) <= 1000 AND abs(o[2]) <= 90 AND radius BETWEEN 0 AND 40)
      IS NOT TRUE THEN
    RETURN NULL;
  END IF;
  s := radians(o[2] + 1e-25);
  s0 := sin(s);
  c0 := cos(s);
  far := radians(radius + 1e-25);
  near := CASE WHEN far > 2e-7 THEN tan(far - 1e-7) ELSE 0 END;
  near := near * near;
  far := tan(far + 1e-7);
  FOR i IN 0 .. size BY 2 LOOP
    IF i = 0 THEN
      s := radians(g[size] + 1e-25);
      k := radians(g[size - 1] - ra);
    ELSIF abs(g[i]) <= 90 THEN
      CONTINUE WHEN nearest < near;
      s := radians(g[i] + 1e-25);
      k := radians(g[i - 1] - ra);
    ELSE
      RETURN NULL;
    END IF;
    c := cos(s);
    s := sin(s);
    t := c * cos(k);
    w := s0 * s + c0 * t;
    IF w < 0.75 THEN
      RETURN NULL;
    END IF;
    u := c * sin(k) / w + 1e-25;
    v := (c0 * s - s0 * t) / w + 1e-25;
    IF i > 0 THEN
      t := (u - x) * (u - x) + (v - y) * (v - y);
      IF t < 1e-14 THEN
        IF t > 1e-24 THEN
          RETURN NULL;
        END IF;
        edges := edges - 1;
        CONTINUE;
      END IF;
      w := x * v - y * u;
      lefts := lefts + sign(w);
      nearest := least(nearest, CASE
        WHEN u * (u - x) + v * (v - y) > 0 AND x * (x - u) + y * (y - v) > 0
        THEN w * w / t ELSE u * u + v * v END);
      IF (y < 0) <> (v < 0) AND (y < 0) = (w > 0) THEN
        turns := turns + sign(w);
      END IF;
    END IF;
    x := u; y := v;
  END LOOP;
  IF nearest < near THEN
    RETURN NOT is_held;
  ELSIF nearest > far * far AND edges > 0 THEN
    IF turns = 0 THEN
      RETURN false;
    ELSIF abs(turns) = 1 AND abs(lefts) = edges AND nearest > 1e-12 THEN
      RETURN true;
    END IF;
  END IF;
  RETURN NULL;
END $$;

-- The same of a polygon that lies in a circle below a hemisphere, by the cosine of the
-- distance of the farthest vertex.
CREATE OR REPLACE FUNCTION dst.in_circle_at_sight(
  g double precision[], o double precision[]
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  size CONSTANT integer := cardinality(g);
  ra CONSTANT double precision := o[1] - 1e-25;
  farthest double precision := 1;
  radius double precision;
  s double precision;
  s0 double precision; c0 double precision;
BEGIN
  IF (size BETWEEN 6 AND 200 AND size % 2 = 0 AND -1000 <= ALL (g) AND 1000 >= ALL (g)
      AND abs(ra) <= 1000 AND abs(o[2]) <= 90 AND o[3] BETWEEN 0.001 AND 89)
      IS NOT TRUE THEN
    RETURN NULL;
  END IF;
  s := radians(o[2] + 1e-25);
  s0 := sin(s);
  c0 := cos(s);
  FOR i IN 2 .. size BY 2 LOOP
    IF abs(g[i]) <= 90 THEN
      s := radians(g[i] + 1e-25);
      farthest := least(farthest, s0 * sin(s) + c0 * cos(s) * cos(radians(g[i - 1] - ra)));
    ELSE
      RETURN NULL;
    END IF;
  END LOOP;
  radius := radians(o[3]);
  RETURN CASE WHEN farthest > cos(radius - 1e-7) THEN true
    WHEN farthest < cos(radius + 1e-7) THEN false END;
END $$;
