variable "alarm_topic_arn" {
  type        = string
  description = "SNS topic that is told"
}

resource "aws_cloudwatch_metric_alarm" "StockSyncDurationAlarm" {
  alarm_name          = "stock-sync-duration"
  alarm_description   = "longest Duration above 620 ms: a fifth above 512 ms, the most that is usual; a percentile of so few calls in five minutes says little"
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  statistic           = "Maximum"
  period              = 300
  threshold           = 620
  comparison_operator = "GreaterThanThreshold"
  datapoints_to_alarm = 1
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  dimensions          = { FunctionName = "stock-sync" }
  alarm_actions       = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "StockSyncErrorsAlarm" {
  alarm_name          = "stock-sync-errors"
  alarm_description   = "any error: with so few calls in five minutes a share of them says little"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  statistic           = "Sum"
  period              = 300
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  datapoints_to_alarm = 1
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  dimensions          = { FunctionName = "stock-sync" }
  alarm_actions       = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "AllThrottlesAlarm" {
  alarm_name          = "lambda-throttles"
  alarm_description   = "any throttled call in the account: throttled calls are in no function's log"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  datapoints_to_alarm = 1
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
}
