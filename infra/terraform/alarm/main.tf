# Metric alarms, each with its section of the runbook. They notify nobody: pages do (../page).
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = var.alarms

  alarm_name        = "${var.prefix}-${each.key}"
  alarm_description = "${each.value.what} (${each.value.severity}) Runbook: docs/runbooks/alarms.md#${coalesce(each.value.runbook, each.key)}"

  namespace          = each.value.namespace
  metric_name        = each.value.metric
  dimensions         = each.value.dimensions
  statistic          = each.value.statistic
  extended_statistic = each.value.percentile
  period             = each.value.metric == null ? null : each.value.period

  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  threshold_metric_id = each.value.band
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = coalesce(each.value.datapoints, each.value.periods)
  treat_missing_data  = each.value.missing

  dynamic "metric_query" {
    for_each = each.value.queries
    content {
      id          = metric_query.key
      expression  = metric_query.value.expression
      label       = metric_query.value.label
      return_data = metric_query.value.return_data

      dynamic "metric" {
        for_each = metric_query.value.metric == null ? [] : [metric_query.value]
        content {
          namespace   = metric.value.namespace
          metric_name = metric.value.metric
          dimensions  = metric.value.dimensions
          stat        = metric.value.statistic
          period      = metric.value.period
        }
      }
    }
  }
}
