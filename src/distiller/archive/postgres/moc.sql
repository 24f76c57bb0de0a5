-- Time MOCs: what archive/times.py does. dst.moc_ranges, which makes the half-open
-- intervals of whole microseconds of a text, belongs to the tables, whose indexes use it.

-- The finest order that a text names.
CREATE OR REPLACE FUNCTION dst.moc_order(moc text)
RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
  SELECT max(found[1]::integer) FROM regexp_matches(moc, '([0-9]{1,2})/', 'g') AS found
$$;

-- The fewest cells, by order: those that are in an interval, and not in a cell of the
-- order above that is.
CREATE OR REPLACE FUNCTION dst.moc_text(ranges int8multirange, finest integer)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
  WITH ends AS (
    SELECT o, lower(part) AS low, upper(part) AS high,
      (lower(part) + ((1::bigint << (61 - o)) - 1)) >> (61 - o) AS a,
      upper(part) >> (61 - o) AS b,
      CASE WHEN o = 0 THEN 0
        ELSE 2 * ((lower(part) + ((1::bigint << (62 - o)) - 1)) >> (62 - o)) END AS c,
      CASE WHEN o = 0 THEN 0 ELSE 2 * (upper(part) >> (62 - o)) END AS d
    FROM unnest(ranges) AS part, generate_series(
      -- Cells of the orders above are longer than the interval.
      greatest(0, 60 - floor(ln((upper(part) - lower(part))::double precision)
        / ln(2::double precision))::integer), finest) AS o
  ), cells AS (
    SELECT o, a AS first, CASE WHEN c < d THEN c ELSE b END AS behind FROM ends
    UNION ALL
    SELECT o, d, b FROM ends WHERE c < d
  ), orders AS (
    SELECT o, o || '/' || string_agg(
      CASE WHEN behind - first = 1 THEN first::text
        ELSE first || '-' || behind - 1 END, ' ' ORDER BY first) AS said
    FROM cells WHERE first < behind GROUP BY o
    UNION ALL
    SELECT finest, finest || '/'
    WHERE NOT EXISTS (SELECT FROM cells WHERE o = finest AND first < behind)
  )
  SELECT string_agg(said, ' ' ORDER BY o) FROM orders
$$;

-- A moment of UTC, MJD, as microseconds of TCB since JD 0, and what is left of one.
CREATE OR REPLACE FUNCTION dst.moc_part(mjd double precision)
RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  ahead double precision;
BEGIN
  IF NOT (mjd >= -700000 AND mjd <= 3000000) THEN
    RETURN NULL;
  END IF;
  ahead := (9 + greatest(1, width_bucket(mjd, '{leaps}'::double precision[])))
    * 1e6::double precision + 32.184e6::double precision;
  ahead := ahead + ({rate}::double precision
    * ((mjd - 43144.0003725::double precision) * 86400e6::double precision + ahead)
    + 65.5::double precision);
  RETURN dst.times(mjd - floor(mjd), 86400e6) + ahead;
END $$;

CREATE OR REPLACE FUNCTION dst.moc_instant(mjd double precision)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN CASE WHEN mjd >= -700000 AND mjd <= 3000000 THEN
  (floor(mjd)::bigint + 2400000) * 86400000000 + 43200000000
  + floor(dst.moc_part(mjd))::bigint END;

-- Every microsecond that an interval touches.
CREATE OR REPLACE FUNCTION dst.moc_between(
  start_mjd double precision, stop_mjd double precision
) RETURNS int8multirange LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  start bigint := dst.moc_instant(start_mjd);
  stop bigint := dst.moc_instant(stop_mjd);
  part double precision := dst.moc_part(stop_mjd);
BEGIN
  IF start IS NULL OR stop IS NULL OR NOT start_mjd <= stop_mjd THEN
    RETURN NULL;
  END IF;
  IF part > floor(part) THEN
    stop := stop + 1;
  END IF;
  RETURN int8multirange(int8range(start, greatest(stop, start + 1)));
END $$;

CREATE OR REPLACE FUNCTION dst.moc_seconds(ranges int8multirange)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
  SELECT coalesce(sum(upper(part) - lower(part)), 0)::double precision
    / 1e6::double precision
  FROM unnest(ranges) AS part
$$;
