-- q45, behind retried, order-intake
-- about the invocations of q45-invocations.csv
SELECT count(*) AS invocations, count(DISTINCT request_id) AS requests FROM invocations WHERE function = 'order-intake' AND end_time >= make_timestamp(1773014334770000)::TIMESTAMPTZ
