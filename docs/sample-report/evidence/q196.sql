-- q196, behind uneven, email-notification-sender
-- about the invocations of q196-invocations.csv
SELECT count(*) AS n, min(duration_ms) AS minimum, max(duration_ms) AS maximum, stddev_samp(duration_ms) AS stddev,
       var_samp(duration_ms) AS variance, stddev_samp(duration_ms) / nullif(avg(duration_ms), 0) AS cv,
       quantile_disc(duration_ms, 0.25) AS p25, NULL AS p25_low, NULL AS p25_high,
       quantile_disc(duration_ms, 0.45) AS p50, quantile_disc(duration_ms, 0.15) AS p50_low, quantile_disc(duration_ms, 0.95) AS p50_high,
       quantile_disc(duration_ms, 0.75) AS p75, quantile_disc(duration_ms, 0.35) AS p75_low, NULL AS p75_high,
       quantile_disc(duration_ms, 0.85) AS p90, quantile_disc(duration_ms, 0.55) AS p90_low, NULL AS p90_high,
       quantile_disc(duration_ms, 0.95) AS p95, quantile_disc(duration_ms, 0.75) AS p95_low, NULL AS p95_high,
       quantile_disc(duration_ms, 0.95) AS p99, quantile_disc(duration_ms, 0.85) AS p99_low, NULL AS p99_high
FROM invocations WHERE function = 'email-notification-sender' AND duration_ms > 60000.0 AND duration_ms IS NOT NULL
