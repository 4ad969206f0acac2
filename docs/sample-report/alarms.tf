variable "alarm_topic_arn" {
  type        = string
  description = "SNS topic that is told"
}

resource "aws_cloudwatch_metric_alarm" "DataProcessingPipelineDurationAlarm" {
  alarm_name          = "data-processing-pipeline-duration"
  alarm_description   = "longest Duration above 300 s: a fifth above 247.3 s, the most that is usual; a percentile of so few calls in five minutes says little"
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  statistic           = "Maximum"
  period              = 300
  threshold           = 300000
  comparison_operator = "GreaterThanThreshold"
  datapoints_to_alarm = 1
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  dimensions          = { FunctionName = "data-processing-pipeline" }
  alarm_actions       = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "DataProcessingPipelineErrorsAlarm" {
  alarm_name          = "data-processing-pipeline-errors"
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
  dimensions          = { FunctionName = "data-processing-pipeline" }
  alarm_actions       = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_log_metric_filter" "DataProcessingPipelineMemoryInTextLogs" {
  name           = "DataProcessingPipelineMemoryInTextLogs"
  log_group_name = "/aws/lambda/data-processing-pipeline"
  pattern        = "[report=\"REPORT\", l1=\"RequestId:\", id, l2=\"Duration:\", duration, u1=\"ms\", l3=\"Billed\", l4=\"Duration:\", billed, u2=\"ms\", l5=\"Memory\", l6=\"Size:\", size, u3=\"MB\", l7=\"Max\", l8=\"Memory\", l9=\"Used:\", used, u4=\"MB\", ...]"

  metric_transformation {
    namespace = "LambdaReports"
    name      = "MaxMemoryUsed-data-processing-pipeline"
    value     = "$used"
    unit      = "Megabytes"
  }
}

resource "aws_cloudwatch_log_metric_filter" "DataProcessingPipelineMemoryInJsonLogs" {
  name           = "DataProcessingPipelineMemoryInJsonLogs"
  log_group_name = "/aws/lambda/data-processing-pipeline"
  pattern        = "{ $.type = \"platform.report\" }"

  metric_transformation {
    namespace = "LambdaReports"
    name      = "MaxMemoryUsed-data-processing-pipeline"
    value     = "$.record.metrics.maxMemoryUsedMB"
    unit      = "Megabytes"
  }
}

resource "aws_cloudwatch_metric_alarm" "DataProcessingPipelineMemoryAlarm" {
  alarm_name          = "data-processing-pipeline-memory"
  alarm_description   = "Max Memory Used above 460 MB: 90 % of the configured 512 MB; AWS/Lambda has no metric for it, so two metric filters make one"
  namespace           = "LambdaReports"
  metric_name         = "MaxMemoryUsed-data-processing-pipeline"
  statistic           = "Maximum"
  period              = 300
  threshold           = 460
  comparison_operator = "GreaterThanThreshold"
  datapoints_to_alarm = 1
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "UserAuthenticationServiceDurationAlarm" {
  alarm_name          = "user-authentication-service-duration"
  alarm_description   = "longest Duration above 260 s: a fifth above 212.2 s, the most that is usual; a percentile of so few calls in five minutes says little"
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  statistic           = "Maximum"
  period              = 300
  threshold           = 260000
  comparison_operator = "GreaterThanThreshold"
  datapoints_to_alarm = 1
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  dimensions          = { FunctionName = "user-authentication-service" }
  alarm_actions       = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "UserAuthenticationServiceErrorsAlarm" {
  alarm_name          = "user-authentication-service-errors"
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
  dimensions          = { FunctionName = "user-authentication-service" }
  alarm_actions       = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "EmailNotificationSenderDurationAlarm" {
  alarm_name          = "email-notification-sender-duration"
  alarm_description   = "longest Duration above 230 s: a fifth above 187.9 s, the most that is usual; a percentile of so few calls in five minutes says little"
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  statistic           = "Maximum"
  period              = 300
  threshold           = 230000
  comparison_operator = "GreaterThanThreshold"
  datapoints_to_alarm = 1
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  dimensions          = { FunctionName = "email-notification-sender" }
  alarm_actions       = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "EmailNotificationSenderErrorsAlarm" {
  alarm_name          = "email-notification-sender-errors"
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
  dimensions          = { FunctionName = "email-notification-sender" }
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
