-- q84, behind uneven, data-processing-pipeline
-- about the invocations of q84-invocations.csv
WITH calls AS (
  SELECT count(*) AS n, min(duration_ms) AS minimum, max(duration_ms) AS maximum, stddev_samp(duration_ms) AS stddev,
         var_samp(duration_ms) AS variance, stddev_samp(duration_ms) / nullif(avg(duration_ms), 0) AS cv,
         quantile_disc(duration_ms, [0.25, 0.027777777777777776, 0.5833333333333334, 0.4722222222222222, 0.25, 0.75, 0.75, 0.3611111111111111, 0.9166666666666666, 0.6388888888888888, 0.9722222222222222, 0.8055555555555556, 0.9722222222222222, 0.9166666666666666]) AS at_once
  FROM invocations WHERE function = 'data-processing-pipeline' AND duration_ms > 60000.0 AND duration_ms IS NOT NULL
)
SELECT n, minimum, maximum, stddev, variance, cv,
       at_once[1] AS p25, at_once[2] AS p25_low, at_once[3] AS p25_high,
       at_once[4] AS p50, at_once[5] AS p50_low, at_once[6] AS p50_high,
       at_once[7] AS p75, at_once[8] AS p75_low, NULL AS p75_high,
       at_once[9] AS p90, at_once[10] AS p90_low, NULL AS p90_high,
       at_once[11] AS p95, at_once[12] AS p95_low, NULL AS p95_high,
       at_once[13] AS p99, at_once[14] AS p99_low, NULL AS p99_high
FROM calls
