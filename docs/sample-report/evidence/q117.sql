-- q117, behind slow, user-authentication-service
-- about the invocations of q105-invocations.csv
WITH calls AS (
  SELECT count(*) AS n, min(duration_ms) AS minimum, max(duration_ms) AS maximum, stddev_samp(duration_ms) AS stddev,
         var_samp(duration_ms) AS variance, stddev_samp(duration_ms) / nullif(avg(duration_ms), 0) AS cv,
         quantile_disc(duration_ms, [0.25, 0.6071428571428571, 0.4642857142857143, 0.03571428571428571, 0.75, 0.25, 0.8928571428571429, 0.6071428571428571, 0.9642857142857143, 0.75, 0.9642857142857143, 0.8928571428571429]) AS at_once
  FROM invocations WHERE function = 'user-authentication-service' AND duration_ms IS NOT NULL
)
SELECT n, minimum, maximum, stddev, variance, cv,
       at_once[1] AS p25, NULL AS p25_low, at_once[2] AS p25_high,
       at_once[3] AS p50, at_once[4] AS p50_low, NULL AS p50_high,
       at_once[5] AS p75, at_once[6] AS p75_low, NULL AS p75_high,
       at_once[7] AS p90, at_once[8] AS p90_low, NULL AS p90_high,
       at_once[9] AS p95, at_once[10] AS p95_low, NULL AS p95_high,
       at_once[11] AS p99, at_once[12] AS p99_low, NULL AS p99_high
FROM calls
