-- q64, behind uneven-environments, stock-sync
-- about the invocations of q65-invocations.csv
WITH groups AS (
  SELECT date_trunc('hour', end_time) AS hour, version, memory_mb, stream, count(*) AS n, avg(ln(duration_ms)) AS mean,
         var_pop(ln(duration_ms)) * count(*) AS squares
  FROM invocations WHERE function = 'stock-sync' AND stream IS NOT NULL AND init_ms IS NULL AND restore_ms IS NULL AND outcome IN ('ok', 'unknown') AND duration_ms > 0 GROUP BY ALL
), cells AS (
  SELECT count(*) AS groups, sum(n) AS n, sum(n * n) / sum(n) AS weight, sum(squares) AS within,
         sum(n * mean * mean) - sum(n * mean) ** 2 / sum(n) AS between
  FROM groups GROUP BY hour, version, memory_mb HAVING count(*) > 1
)
SELECT sum(groups)::BIGINT AS groups, count(*) AS cells, sum(n)::BIGINT AS n, sum(weight) AS weight,
       sum(within) AS within, sum(between) AS between, (SELECT count(DISTINCT stream) FROM groups) AS environments
FROM cells
