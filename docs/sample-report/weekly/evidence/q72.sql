-- q72, behind failing, order-intake
-- about the invocations of q59-invocations.csv
WITH clusters AS (
  SELECT count(*) AS n, count(*) FILTER (outcome NOT IN ('ok', 'unknown')) AS k0, count(*) FILTER (outcome IN ('error', 'crash', 'init_failure')) AS k1, count(*) FILTER (outcome = 'timeout') AS k2, count(*) FILTER (outcome = 'out_of_memory') AS k3
  FROM invocations WHERE function = 'order-intake' AND end_time >= make_timestamp(1773014334770000)::TIMESTAMPTZ AND outcome <> 'unknown'
  GROUP BY coalesce(stream, request_id || position)
)
SELECT sum(n)::BIGINT AS n, count(*) AS clusters, sum(n * n)::DOUBLE AS nn,
       sum(k0)::BIGINT AS k0, sum(k0 * k0)::DOUBLE AS kk0, sum(k0 * n)::DOUBLE AS kn0,
       sum(k1)::BIGINT AS k1, sum(k1 * k1)::DOUBLE AS kk1, sum(k1 * n)::DOUBLE AS kn1,
       sum(k2)::BIGINT AS k2, sum(k2 * k2)::DOUBLE AS kk2, sum(k2 * n)::DOUBLE AS kn2,
       sum(k3)::BIGINT AS k3, sum(k3 * k3)::DOUBLE AS kk3, sum(k3 * n)::DOUBLE AS kn3
FROM clusters
