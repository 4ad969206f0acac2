-- q44, behind downstream-dependency of stock-sync (supported)
-- q44, behind episode, stock-sync
-- about the invocations of q44-invocations.csv
WITH calls AS (
  SELECT *, (row_number() OVER (ORDER BY end_time, source, position) - 1) * 234 // 2343 AS bin
  FROM invocations WHERE function = 'stock-sync' AND init_ms IS NULL AND restore_ms IS NULL AND outcome IN ('ok', 'unknown') AND duration_ms > 0 AND end_time IS NOT NULL AND init_ms IS NULL AND restore_ms IS NULL AND outcome IN ('ok', 'unknown') AND duration_ms > 0
)
SELECT bin, epoch_us(min(end_time)) AS first, epoch_us(max(end_time)) AS last, quantile_cont(ln(duration_ms), 0.5) AS value
FROM calls GROUP BY bin ORDER BY bin
