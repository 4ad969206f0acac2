-- q171, behind slow, email-notification-sender
-- about the invocations of q159-invocations.csv
SELECT count(*) AS n, min(duration_ms) AS minimum, max(duration_ms) AS maximum, stddev_samp(duration_ms) AS stddev,
       var_samp(duration_ms) AS variance, stddev_samp(duration_ms) / nullif(avg(duration_ms), 0) AS cv,
       quantile_disc(duration_ms, 0.20833333333333334) AS p25, NULL AS p25_low, NULL AS p25_high,
       quantile_disc(duration_ms, 0.4583333333333333) AS p50, quantile_disc(duration_ms, 0.041666666666666664) AS p50_low, NULL AS p50_high,
       quantile_disc(duration_ms, 0.7083333333333334) AS p75, quantile_disc(duration_ms, 0.2916666666666667) AS p75_low, NULL AS p75_high,
       quantile_disc(duration_ms, 0.875) AS p90, quantile_disc(duration_ms, 0.5416666666666666) AS p90_low, NULL AS p90_high,
       quantile_disc(duration_ms, 0.9583333333333334) AS p95, quantile_disc(duration_ms, 0.7916666666666666) AS p95_low, NULL AS p95_high,
       quantile_disc(duration_ms, 0.9583333333333334) AS p99, quantile_disc(duration_ms, 0.875) AS p99_low, NULL AS p99_high
FROM invocations WHERE function = 'email-notification-sender' AND duration_ms IS NOT NULL
