-- q47, behind slow, data-processing-pipeline
-- q47, behind uneven, data-processing-pipeline
-- about the invocations of q47-invocations.csv
WITH clusters AS (
  SELECT count(*) AS n, count(*) FILTER (duration_ms > 60000.0) AS k0
  FROM invocations WHERE function = 'data-processing-pipeline' AND duration_ms IS NOT NULL
  GROUP BY coalesce(stream, request_id || position)
)
SELECT sum(n)::BIGINT AS n, count(*) AS clusters, sum(n * n)::DOUBLE AS nn,
       sum(k0)::BIGINT AS k0, sum(k0 * k0)::DOUBLE AS kk0, sum(k0 * n)::DOUBLE AS kn0
FROM clusters
