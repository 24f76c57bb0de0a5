-- Texts of numbers and numbers of texts as DuckDB has them; upper and lower case by
-- one table, whatever the locale of the database; whole words.

-- The shortest digits that are read as the number again, written out from 1e-4 to 1e16.
-- PostgreSQL writes one digit more where a shorter text lies just between two numbers.
CREATE OR REPLACE FUNCTION dst.text_any(shortest text, is_real boolean)
RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  minus text := CASE WHEN left(shortest, 1) = '-' THEN '-' ELSE '' END;
  plain text := split_part(ltrim(shortest, '-'), 'e', 1);
  power integer := coalesce(nullif(split_part(shortest, 'e', 2), ''), '0')::integer;
  digits text;
  fewer text;
BEGIN
  IF plain IN ('Infinity', 'NaN') THEN
    RETURN minus || CASE plain WHEN 'NaN' THEN 'nan' ELSE 'inf' END;
  END IF;
  power := power + length(split_part(plain, '.', 1)) - 1;
  digits := replace(plain, '.', '');
  power := power - (length(digits) - length(ltrim(digits, '0')));
  digits := ltrim(digits, '0');
  IF digits = '' THEN
    RETURN minus || '0.0';
  END IF;
  fewer := round(digits::numeric / 10)::text;
  IF length(digits) > 1 AND (CASE
      WHEN is_real THEN abs(power) < 38 AND (fewer || 'e' || power - length(digits) + 2)::real
        = abs(shortest::real)
      ELSE abs(power) < 308 AND (fewer || 'e' || power - length(digits) + 2)
        ::double precision = abs(shortest::double precision) END) THEN
    power := power + length(fewer) - length(digits) + 1;
    digits := fewer;
  END IF;
  digits := rtrim(digits, '0');
  IF power < -4 OR power >= 16 THEN
    RETURN minus || left(digits, 1)
      || CASE WHEN length(digits) > 1 THEN '.' || substr(digits, 2) ELSE '' END
      || 'e' || CASE WHEN power < 0 THEN '-' ELSE '+' END
      || CASE WHEN abs(power) < 10 THEN '0' ELSE '' END || abs(power);
  ELSIF power < 0 THEN
    RETURN minus || '0.' || repeat('0', -power - 1) || digits;
  END IF;
  digits := digits || repeat('0', power + 1 - length(digits));
  RETURN minus || left(digits, power + 1) || '.'
    || coalesce(nullif(substr(digits, power + 2), ''), '0');
END $$;

CREATE OR REPLACE FUNCTION dst.text(x double precision)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN abs(x) BETWEEN 1e-4 AND 1e14 THEN
    CASE WHEN x = trunc(x) THEN x::text || '.0' ELSE x::text END
  ELSE dst.text_any(x::text, false) END;

CREATE OR REPLACE FUNCTION dst.text(x real)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN dst.text_any(x::text, true);

-- An exact number; underscores may stand between digits.
CREATE OR REPLACE FUNCTION dst.decimal(t text)
RETURNS numeric LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  plain text := regexp_replace(t, '(?<=\d)_(?=\d)', '', 'g');
BEGIN
  IF plain !~ '^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?\s*$' THEN
    RETURN NULL;
  END IF;
  RETURN plain::numeric;
END $$;

CREATE OR REPLACE FUNCTION dst.number(t text)
RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  exact numeric;
BEGIN
  IF t ~* '^\s*[+-]?(inf|infinity|nan)\s*$' THEN
    RETURN CASE WHEN t ~* 'nan' THEN 'NaN' ELSE t::double precision END;
  END IF;
  exact := dst.decimal(t);
  IF exact IS NULL THEN
    RAISE invalid_text_representation
      USING MESSAGE = format('invalid input syntax for type double precision: "%s"', t);
  ELSIF abs(exact) >= 1.797693134862315807937e308 THEN
    RETURN CASE WHEN exact > 0 THEN 'Infinity' ELSE '-Infinity' END;
  ELSIF abs(exact) <= 2.4703282292062327e-324 THEN
    RETURN 0;
  END IF;
  RETURN exact::double precision;
END $$;

-- A whole number, halves rounded away from 0; its type comes by the cast around it.
CREATE OR REPLACE FUNCTION dst.whole(t text, type text)
RETURNS numeric LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  exact numeric := dst.decimal(t);
  bits text := lower(t);
BEGIN
  IF exact IS NOT NULL THEN
    RETURN round(exact);
  ELSIF bits ~ '^\s*0x[0-9a-f]{1,15}\s*$' THEN
    bits := lpad(substr(trim(bits), 3), 16, '0');
    RETURN ('x' || bits)::bit(64)::bigint;
  ELSIF bits ~ '^\s*0b[01]{1,62}\s*$' THEN
    RETURN lpad(substr(trim(bits), 3), 64, '0')::bit(64)::bigint;
  END IF;
  RAISE invalid_text_representation
    USING MESSAGE = format('invalid input syntax for type %s: "%s"', type, t);
END $$;

-- A date, with or without a time; offsets from UTC are read over, as in DuckDB.
CREATE OR REPLACE FUNCTION dst.instant(t text)
RETURNS timestamp LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  parts text[] := regexp_match(t, '^(\d{1,6})([-/])(\d{1,2})\2(\d{1,2})'
    '(?:[T ](\d{1,2}):(\d{1,2})(?::([0-5]?\d)(?:\.(\d*))?)?'
    ' ?(?:Z|UTC|[+-]\d{2}(?::?\d{2})?)?)?\s*$');
  day date;
BEGIN
  IF parts IS NULL THEN
    RAISE invalid_datetime_format
      USING MESSAGE = format('invalid input syntax for type timestamp: "%s"', t);
  ELSIF coalesce(parts[5]::integer, 0) > 24 OR coalesce(parts[6]::integer, 0) > 59 OR
      parts[5]::integer = 24 AND
      parts[6]::integer + coalesce(parts[7]::integer, 0) > 0 THEN
    RAISE datetime_field_overflow
      USING MESSAGE = format('date/time field value out of range: "%s"', t);
  END IF;
  day := make_date(parts[1]::integer, parts[3]::integer, parts[4]::integer);
  RETURN day::timestamp + make_interval(
    hours => coalesce(parts[5]::integer, 0), mins => coalesce(parts[6]::integer, 0),
    secs => (coalesce(parts[7], '0') || '.'
      || coalesce(nullif(left(parts[8], 6), ''), '0'))::double precision);
END $$;

CREATE OR REPLACE FUNCTION dst.lower(t text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN lower(t COLLATE {case});

CREATE OR REPLACE FUNCTION dst.upper(t text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN replace(upper(replace(t, 'ß', 'ẞ') COLLATE {case}), 'ß', 'ẞ');

-- Whether a text is one of those that # separates in another.
CREATE OR REPLACE FUNCTION dst.has_item(list text, item text)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN list = '' THEN item = ''
  ELSE dst.lower(item) = ANY (string_to_array(dst.lower(list), '#')) END;

-- Letters and digits of any alphabet and _ are parts of words.
CREATE OR REPLACE FUNCTION dst.has_word(haystack text, needle text)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  hay text := lower(upper(haystack COLLATE {case}) COLLATE {case});
  word text := lower(upper(needle COLLATE {case}) COLLATE {case});
  at integer := 0;
  step integer;
BEGIN
  LOOP
    step := strpos(substr(hay, at + 1), word);
    IF step = 0 THEN
      RETURN false;
    END IF;
    at := at + step;
    IF (at = 1 OR NOT dst.is_word(substr(hay, at - 1, 1))) AND
        (at + length(word) > length(hay)
         OR NOT dst.is_word(substr(hay, at + length(word), 1))) THEN
      RETURN true;
    ELSIF at > length(hay) THEN
      RETURN false;
    END IF;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION dst.is_word(letter text)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN letter COLLATE "C" ~ '^[{letters}_]$';
