# Every alarm, whom it tells, and how one fault becomes one page. The alarms themselves stand in alarms_*.tf, each with
# a section in docs/runbooks/alarms.md; the thresholds, in infra/pipeline.yaml.
locals {
  thresholds = local.settings.monitoring

  # By their keys. `part` is the part of the pipeline, `severity` who hears of it:
  # high wakes someone (data at risk, or clients failing), low is for working hours.
  alarms = merge(
    local.api_alarms, local.function_alarms, local.stream_alarms, local.archive_alarms, local.queue_alarms,
    local.table_alarms, local.event_alarms,
  )
  alarm_arns = { for key in keys(local.alarms) : key => "arn:${local.partition}:cloudwatch:${local.here}:alarm:${local.prefix}-${key}" }
}

# They tell nobody; the composite alarms in pages.tf do.
resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${local.prefix}-${each.key}"
  alarm_description = "${each.value.what} (${each.value.severity}) Runbook: docs/runbooks/alarms.md#${try(each.value.runbook, each.key)}"

  namespace          = try(each.value.namespace, null)
  metric_name        = try(each.value.metric, null)
  dimensions         = try(each.value.dimensions, null)
  statistic          = try(each.value.statistic, null)
  extended_statistic = try(each.value.percentile, null)
  period             = can(each.value.metric) ? try(each.value.period, 60) : null

  comparison_operator = try(each.value.comparison, "GreaterThanThreshold")
  threshold           = try(each.value.threshold, null)
  threshold_metric_id = try(each.value.band, null)
  evaluation_periods  = try(each.value.periods, 1)
  datapoints_to_alarm = try(each.value.datapoints, try(each.value.periods, 1))
  treat_missing_data  = try(each.value.missing, "notBreaching") # no requests, no records: nothing is wrong

  dynamic "metric_query" {
    for_each = try(each.value.queries, {})
    content {
      id          = metric_query.key
      expression  = try(metric_query.value.expression, null)
      label       = try(metric_query.value.label, null)
      return_data = try(metric_query.value.return_data, false)

      dynamic "metric" {
        for_each = can(metric_query.value.metric) ? [metric_query.value] : []
        content {
          namespace   = metric.value.namespace
          metric_name = metric.value.metric
          dimensions  = metric.value.dimensions
          stat        = try(metric.value.statistic, "Sum")
          period      = try(metric.value.period, 60)
        }
      }
    }
  }
}
