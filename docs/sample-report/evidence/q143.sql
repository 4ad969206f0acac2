-- q143, behind uneven, user-authentication-service
-- about the invocations of q143-invocations.csv
WITH calls AS (
  SELECT count(*) AS n, min(duration_ms) AS minimum, max(duration_ms) AS maximum, stddev_samp(duration_ms) AS stddev,
         var_samp(duration_ms) AS variance, stddev_samp(duration_ms) / nullif(avg(duration_ms), 0) AS cv,
         quantile_disc(duration_ms, [0.20833333333333334, 0.4583333333333333, 0.041666666666666664, 0.7083333333333334, 0.20833333333333334, 0.875, 0.5416666666666666, 0.9583333333333334, 0.7916666666666666, 0.9583333333333334, 0.875]) AS at_once
  FROM invocations WHERE function = 'user-authentication-service' AND duration_ms > 60000.0 AND duration_ms IS NOT NULL
)
SELECT n, minimum, maximum, stddev, variance, cv,
       at_once[1] AS p25, NULL AS p25_low, NULL AS p25_high,
       at_once[2] AS p50, at_once[3] AS p50_low, NULL AS p50_high,
       at_once[4] AS p75, at_once[5] AS p75_low, NULL AS p75_high,
       at_once[6] AS p90, at_once[7] AS p90_low, NULL AS p90_high,
       at_once[8] AS p95, at_once[9] AS p95_low, NULL AS p95_high,
       at_once[10] AS p99, at_once[11] AS p99_low, NULL AS p99_high
FROM calls
