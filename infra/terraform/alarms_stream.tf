# The stream, and how far its readers are behind, as a share of what it retains.
locals {
  retention_ms  = 3600000 * local.settings.stream.retention_hours
  stream_metric = { namespace = "AWS/Kinesis", dimensions = { StreamName = local.names.stream } }
  writer_age = {
    namespace  = "AWS/Lambda"
    metric     = "IteratorAge"
    dimensions = { FunctionName = local.function_names.table_writer }
    statistic  = "Maximum"
    part       = "table"
  }
  retention_text = "${local.settings.stream.retention_hours} hours of retention"

  stream_alarms = {
    stream-write-throttled = merge(local.stream_metric, {
      what       = "The stream refuses records: a shard takes 1 MiB or 1,000 records a second."
      severity   = "low"
      part       = "intake"
      metric     = "WriteProvisionedThroughputExceeded"
      statistic  = "Sum"
      threshold  = 0
      periods    = 5
      datapoints = 3
    })
    stream-read-throttled = merge(local.stream_metric, {
      what       = "Readers of the stream are refused: a shard gives 2 MiB a second in 5 reads."
      severity   = "low"
      part       = "table"
      metric     = "ReadProvisionedThroughputExceeded"
      statistic  = "Sum"
      threshold  = 0
      periods    = 15
      datapoints = 10
    })
    table-writer-behind = merge(local.writer_age, {
      what      = "The table writer is behind by over ${100 * local.thresholds.behind_share} % of the ${local.retention_text}."
      severity  = "low"
      threshold = local.thresholds.behind_share * local.retention_ms
      periods   = 5
    })
    table-writer-stuck = merge(local.writer_age, {
      what      = "The table writer is behind by over ${100 * local.thresholds.stuck_share} % of the ${local.retention_text}."
      severity  = "high"
      threshold = local.thresholds.stuck_share * local.retention_ms
      periods   = 5
      missing   = "ignore" # a writer that is not invoked reports no age
    })
    stream-expiring = merge(local.stream_metric, {
      what = join("", [
        "A reader of the stream is behind by over ${100 * local.thresholds.expiring_share} % of the ${local.retention_text}; ",
        "what is not read by its end is gone.",
      ])
      severity  = "high"
      part      = "loss"
      metric    = "GetRecords.IteratorAgeMilliseconds"
      statistic = "Maximum"
      threshold = local.thresholds.expiring_share * local.retention_ms
      periods   = 5
      missing   = "ignore"
    })
  }
}
