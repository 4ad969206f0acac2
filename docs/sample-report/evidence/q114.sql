-- q114, behind slow, user-authentication-service
-- about the invocations of q102-invocations.csv
SELECT count(*) AS n, min(duration_ms) AS minimum, max(duration_ms) AS maximum, stddev_samp(duration_ms) AS stddev,
       var_samp(duration_ms) AS variance, stddev_samp(duration_ms) / nullif(avg(duration_ms), 0) AS cv,
       quantile_disc(duration_ms, 0.25) AS p25, NULL AS p25_low, quantile_disc(duration_ms, 0.6071428571428571) AS p25_high,
       quantile_disc(duration_ms, 0.4642857142857143) AS p50, quantile_disc(duration_ms, 0.03571428571428571) AS p50_low, NULL AS p50_high,
       quantile_disc(duration_ms, 0.75) AS p75, quantile_disc(duration_ms, 0.25) AS p75_low, NULL AS p75_high,
       quantile_disc(duration_ms, 0.8928571428571429) AS p90, quantile_disc(duration_ms, 0.6071428571428571) AS p90_low, NULL AS p90_high,
       quantile_disc(duration_ms, 0.9642857142857143) AS p95, quantile_disc(duration_ms, 0.75) AS p95_low, NULL AS p95_high,
       quantile_disc(duration_ms, 0.9642857142857143) AS p99, quantile_disc(duration_ms, 0.8928571428571429) AS p99_low, NULL AS p99_high
FROM invocations WHERE function = 'user-authentication-service' AND duration_ms IS NOT NULL
