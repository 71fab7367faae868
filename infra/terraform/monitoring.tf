# Every alarm. Each stands in a table of alarms_*.tf and has a section in docs/runbooks/alarms.md; the thresholds are in
# infra/pipeline.yaml. Whom they notify is in pages.tf.
locals {
  thresholds = local.settings.monitoring

  alarms = merge(
    local.api_alarms, local.function_alarms, local.stream_alarms, local.archive_alarms, local.queue_alarms,
    local.table_alarms, local.event_alarms,
  )
}

module "alarms" {
  source = "./alarm"

  prefix = local.prefix
  alarms = local.alarms
}
