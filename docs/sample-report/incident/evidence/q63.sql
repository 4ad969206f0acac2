-- q63, behind uneven-environments, stock-sync
-- about the invocations of q63-invocations.csv
WITH streams AS (
  SELECT count(*) AS n, quantile_disc(duration_ms, 0.5) AS p50
  FROM invocations WHERE function = 'stock-sync' AND stream IS NOT NULL AND init_ms IS NULL AND restore_ms IS NULL AND outcome IN ('ok', 'unknown') AND duration_ms > 0 GROUP BY stream HAVING count(*) >= 8
), typical AS (
  SELECT quantile_disc(p50, 0.5) AS p50 FROM streams
)
SELECT count(*) AS environments, count(*) FILTER (streams.p50 > 2 * typical.p50) AS slow, sum(n)::BIGINT AS calls,
       coalesce(sum(n) FILTER (streams.p50 > 2 * typical.p50), 0)::BIGINT AS slow_calls
FROM streams, typical
