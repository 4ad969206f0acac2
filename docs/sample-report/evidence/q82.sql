-- q82, behind uneven, data-processing-pipeline
-- about the invocations of q82-invocations.csv
SELECT count(*) AS n, min(duration_ms) AS minimum, max(duration_ms) AS maximum, stddev_samp(duration_ms) AS stddev,
       var_samp(duration_ms) AS variance, stddev_samp(duration_ms) / nullif(avg(duration_ms), 0) AS cv,
       quantile_disc(duration_ms, 0.25) AS p25, quantile_disc(duration_ms, 0.027777777777777776) AS p25_low, quantile_disc(duration_ms, 0.5833333333333334) AS p25_high,
       quantile_disc(duration_ms, 0.4722222222222222) AS p50, quantile_disc(duration_ms, 0.25) AS p50_low, quantile_disc(duration_ms, 0.75) AS p50_high,
       quantile_disc(duration_ms, 0.75) AS p75, quantile_disc(duration_ms, 0.3611111111111111) AS p75_low, NULL AS p75_high,
       quantile_disc(duration_ms, 0.9166666666666666) AS p90, quantile_disc(duration_ms, 0.6388888888888888) AS p90_low, NULL AS p90_high,
       quantile_disc(duration_ms, 0.9722222222222222) AS p95, quantile_disc(duration_ms, 0.8055555555555556) AS p95_low, NULL AS p95_high,
       quantile_disc(duration_ms, 0.9722222222222222) AS p99, quantile_disc(duration_ms, 0.9166666666666666) AS p99_low, NULL AS p99_high
FROM invocations WHERE function = 'data-processing-pipeline' AND duration_ms > 60000.0 AND duration_ms IS NOT NULL
