-- Numbers as IEEE 754 has them and DuckDB gives them: infinity and NaN where
-- PostgreSQL raises an error, 0 where it says that a result is too small.
-- Plain cases stand first and in bodies that are inlined; the rest is called.
-- NaN is larger than everything in comparisons.

CREATE OR REPLACE FUNCTION dst.plus_any(a double precision, b double precision)
RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
BEGIN
  IF abs(a) > 8e307 AND abs(b) > 8e307 AND abs(a) < 'Infinity' AND abs(b) < 'Infinity'
      AND abs(a / 2 + b / 2) >= 2::double precision ^ 1023 THEN
    RETURN CASE WHEN a > 0 THEN 'Infinity' ELSE '-Infinity' END;
  END IF;
  RETURN a + b;
END $$;

CREATE OR REPLACE FUNCTION dst.plus(a double precision, b double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(a) < 8e307 AND abs(b) < 8e307 THEN a + b
  ELSE dst.plus_any(a, b) END;

-- Whether a product is too large or too small is seen from one that is scaled by
-- powers of 2, which changes no digit.
CREATE OR REPLACE FUNCTION dst.times_any(a double precision, b double precision)
RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  size double precision;
  positive boolean := (a > 0) = (b > 0);
BEGIN
  IF abs(a) BETWEEN 1e-150 AND 1e150 AND abs(b) BETWEEN 1e-150 AND 1e150 THEN
    RETURN a * b;
  ELSIF a = 0 OR b = 0 OR abs(a) >= 'Infinity' OR abs(b) >= 'Infinity' THEN
    RETURN a * b;
  END IF;
  size := ln(abs(a)) + ln(abs(b));
  IF size > 700 THEN
    IF size > 720 OR abs((a / 2::double precision ^ 520) * (b / 2::double precision ^ 520))
        >= 2::double precision ^ (-16) THEN
      RETURN CASE WHEN positive THEN 'Infinity' ELSE '-Infinity' END;
    END IF;
  ELSIF size < -700 THEN
    IF size < -760 OR abs((a * 2::double precision ^ 520) * (b * 2::double precision ^ 520))
        <= 2::double precision ^ (-35) THEN
      RETURN 0;
    END IF;
  END IF;
  RETURN a * b;
END $$;

CREATE OR REPLACE FUNCTION dst.times(a double precision, b double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN abs(a) BETWEEN 1e-150 AND 1e150 AND abs(b) BETWEEN 1e-150 AND 1e150 THEN a * b
  ELSE dst.times_any(a, b) END;

CREATE OR REPLACE FUNCTION dst.over_any(a double precision, b double precision)
RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  size double precision;
  positive boolean;
BEGIN
  IF abs(a) BETWEEN 1e-150 AND 1e150 AND abs(b) BETWEEN 1e-150 AND 1e150 THEN
    RETURN a / b;
  END IF;
  positive := (a > 0) = (b > 0 OR b::text = '0');
  IF a = 'NaN' OR b = 'NaN' OR (a = 0 AND b = 0) THEN
    RETURN 'NaN';
  ELSIF b = 0 THEN
    RETURN CASE WHEN positive THEN 'Infinity' ELSE '-Infinity' END;
  ELSIF a = 0 OR abs(a) = 'Infinity' OR abs(b) = 'Infinity' THEN
    RETURN a / b;
  END IF;
  size := ln(abs(a)) - ln(abs(b));
  IF size > 700 THEN
    IF size > 720 OR abs((a / 2::double precision ^ 520) / (b * 2::double precision ^ 520))
        >= 2::double precision ^ (-16) THEN
      RETURN CASE WHEN positive THEN 'Infinity' ELSE '-Infinity' END;
    END IF;
  ELSIF size < -700 THEN
    IF size < -760 OR abs((a * 2::double precision ^ 520) / (b / 2::double precision ^ 520))
        <= 2::double precision ^ (-35) THEN
      RETURN 0;
    END IF;
  END IF;
  RETURN a / b;
END $$;

CREATE OR REPLACE FUNCTION dst.over(a double precision, b double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN abs(a) BETWEEN 1e-150 AND 1e150 AND abs(b) BETWEEN 1e-150 AND 1e150 THEN a / b
  ELSE dst.over_any(a, b) END;

-- The terms of a sum: large ones are added apart, by 2^-100, so that the sum of many
-- is no error.
CREATE OR REPLACE FUNCTION dst.common(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(x) < 1e280 THEN x END;

CREATE OR REPLACE FUNCTION dst.large(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(x) >= 1e280 THEN x / 2::double precision ^ 100 END;

CREATE OR REPLACE FUNCTION dst.total(most double precision, large double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN large IS NULL THEN most
  WHEN most IS NULL THEN dst.times_any(large, 2::double precision ^ 100)
  ELSE dst.plus_any(most, dst.times_any(large, 2::double precision ^ 100)) END;

CREATE OR REPLACE FUNCTION dst.exp(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN x BETWEEN -745.133219101941 AND 709.782712893384 THEN exp(x)
  WHEN x = 'NaN' THEN x
  WHEN x > 0 THEN 'Infinity'::double precision
  WHEN x < 0 THEN 0::double precision END;

CREATE OR REPLACE FUNCTION dst.ln(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN x > 0 THEN ln(x)
  WHEN x = 0 THEN '-Infinity'::double precision
  WHEN x < 0 THEN 'NaN'::double precision END;

CREATE OR REPLACE FUNCTION dst.log10(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN x > 0 THEN log(x)
  WHEN x = 0 THEN '-Infinity'::double precision
  WHEN x < 0 THEN 'NaN'::double precision END;

CREATE OR REPLACE FUNCTION dst.sqrt(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN x >= 0 THEN sqrt(x) WHEN x < 0 THEN 'NaN'::double precision END;

CREATE OR REPLACE FUNCTION dst.power_any(a double precision, b double precision)
RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  size double precision;
  negative boolean;
BEGIN
  IF a = 1 OR b = 0 THEN
    RETURN 1;
  ELSIF a = 'NaN' OR b = 'NaN' OR abs(a) = 'Infinity' OR abs(b) = 'Infinity' THEN
    RETURN power(a, b);
  ELSIF a < 0 AND b <> floor(b) THEN
    RETURN 'NaN';
  ELSIF a = 0 THEN
    RETURN CASE WHEN b < 0 THEN 'Infinity' ELSE '0' END;
  END IF;
  size := dst.times(b, ln(abs(a)));
  negative := a < 0 AND floor(b / 2) * 2 <> b;
  IF size > 709.782712893384 THEN
    RETURN CASE WHEN negative THEN '-Infinity' ELSE 'Infinity' END;
  ELSIF size < -745.133219101941 THEN
    RETURN 0;
  END IF;
  RETURN power(a, b);
END $$;

CREATE OR REPLACE FUNCTION dst.power(a double precision, b double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN a BETWEEN 1e-3 AND 1e3 AND b BETWEEN -100 AND 100 THEN power(a, b)
  ELSE dst.power_any(a, b) END;

CREATE OR REPLACE FUNCTION dst.asin(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(x) <= 1 THEN asin(x) WHEN abs(x) > 1 THEN 'NaN'::double precision END;

CREATE OR REPLACE FUNCTION dst.acos(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(x) <= 1 THEN acos(x) WHEN abs(x) > 1 THEN 'NaN'::double precision END;

CREATE OR REPLACE FUNCTION dst.sin(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(x) < 'Infinity' THEN sin(x)
  WHEN abs(x) >= 'Infinity' THEN 'NaN'::double precision END;

CREATE OR REPLACE FUNCTION dst.cos(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(x) < 'Infinity' THEN cos(x)
  WHEN abs(x) >= 'Infinity' THEN 'NaN'::double precision END;

CREATE OR REPLACE FUNCTION dst.tan(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(x) < 'Infinity' THEN tan(x)
  WHEN abs(x) >= 'Infinity' THEN 'NaN'::double precision END;

CREATE OR REPLACE FUNCTION dst.cot(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(x) < 'Infinity' THEN cot(x)
  WHEN abs(x) >= 'Infinity' THEN 'NaN'::double precision END;

CREATE OR REPLACE FUNCTION dst.degrees(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(x) < 1e300 THEN degrees(x)
  ELSE dst.times_any(x, 57.29577951308232) END;

CREATE OR REPLACE FUNCTION dst.radians(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(x) > 1e-300 THEN radians(x)
  ELSE dst.times_any(x, 0.017453292519943295) END;

-- The remainder of fmod in C: exact, with the sign of the first number. Each step
-- subtracts a multiple of the divisor by a power of 2, without rounding.
CREATE OR REPLACE FUNCTION dst.mod(a double precision, b double precision)
RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  rest double precision := abs(a);
  divisor double precision := abs(b);
  part double precision;
BEGIN
  IF a = 'NaN' OR b = 'NaN' OR b = 0 OR rest = 'Infinity' THEN
    RETURN 'NaN';
  END IF;
  WHILE rest >= divisor LOOP
    part := divisor;
    WHILE part <= rest / 2 LOOP
      part := part * CASE WHEN part < rest / 1e10 THEN 2::double precision ^ 32
        WHEN part < rest / 300 THEN 256 ELSE 2 END;
    END LOOP;
    rest := rest - part;
  END LOOP;
  RETURN CASE WHEN a < 0 THEN -rest ELSE rest END;
END $$;

-- Halves are rounded away from 0.
CREATE OR REPLACE FUNCTION dst.round(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN abs(x) < 4503599627370496 THEN
    CASE WHEN abs(x - trunc(x)) >= 0.5 THEN trunc(x) + sign(x) ELSE trunc(x) END
  ELSE x END;

CREATE OR REPLACE FUNCTION dst.digits_any(
  x double precision, digits integer, rounded boolean
) RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  scale double precision;
  scaled double precision;
BEGIN
  IF abs(x) >= 'Infinity' THEN
    RETURN CASE WHEN digits < 0 THEN CASE WHEN digits < -308 OR x = 'NaN' OR rounded
      THEN 0 ELSE x END ELSE x END;
  END IF;
  IF abs(digits) > 308 THEN
    RETURN CASE WHEN digits > 0 THEN x ELSE 0 END;
  END IF;
  scale := power(10::double precision, abs(digits));
  scaled := CASE WHEN digits < 0 THEN dst.over(x, scale) ELSE dst.times(x, scale) END;
  IF abs(scaled) >= 'Infinity' THEN
    RETURN x;
  END IF;
  scaled := CASE WHEN rounded THEN dst.round(scaled) ELSE trunc(scaled) END;
  RETURN CASE WHEN digits < 0 THEN dst.times(scaled, scale) ELSE dst.over(scaled, scale) END;
END $$;

CREATE OR REPLACE FUNCTION dst.truncate(x double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN trunc(x);

CREATE OR REPLACE FUNCTION dst.round(x double precision, digits integer)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN digits BETWEEN 0 AND 15 AND abs(x) < 1e290 THEN
    dst.round(x * power(10::double precision, digits))
    / power(10::double precision, digits)
  ELSE dst.digits_any(x, digits, true) END;

CREATE OR REPLACE FUNCTION dst.truncate(x double precision, digits integer)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN digits BETWEEN 0 AND 15 AND abs(x) < 1e290 THEN
    trunc(x * power(10::double precision, digits)) / power(10::double precision, digits)
  ELSE dst.digits_any(x, digits, false) END;

-- CAST AS REAL: an error where the number is too large, 0 where it is too small.
CREATE OR REPLACE FUNCTION dst.real(x double precision)
RETURNS real LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(x) <= 7.006492321624085e-46 THEN 0::real ELSE x::real END;

-- The result of arithmetic of REAL, which may be infinite.
CREATE OR REPLACE FUNCTION dst.single(x double precision)
RETURNS real LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN abs(x) < 3.4028235677973366e38 THEN dst.real(x)
  WHEN x = 'NaN' THEN 'NaN'::real
  WHEN x > 0 THEN 'Infinity'::real
  WHEN x < 0 THEN '-Infinity'::real END;

-- Days of an instant since another, which is given as days before 1970.
CREATE OR REPLACE FUNCTION dst.days(t timestamp, epoch double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (extract(epoch FROM t) * 1000000)::double precision / 86400e6::double precision
  + epoch;
