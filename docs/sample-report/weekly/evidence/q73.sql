-- q73, behind application-error of order-intake (supported)
-- about the invocations of q73-invocations.csv
WITH groups AS (
  SELECT fingerprint, count(*) AS k FROM invocations WHERE function = 'order-intake' AND end_time >= make_timestamp(1773014334770000)::TIMESTAMPTZ AND outcome IN ('error', 'crash', 'init_failure') GROUP BY fingerprint
)
SELECT max(k) AS k, sum(k)::BIGINT AS n FROM groups
