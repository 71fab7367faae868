# Firehose, and what becomes of its objects.
locals {
  archive_metric = { namespace = "AWS/Firehose", dimensions = { DeliveryStreamName = local.names.delivery_stream }, part = "lake" }

  archive_alarms = {
    archive-freshness = merge(local.archive_metric, {
      what       = "The oldest record that Firehose holds is over ${local.thresholds.archive_freshness_seconds} seconds old."
      severity   = "high"
      metric     = "DeliveryToS3.DataFreshness"
      statistic  = "Maximum"
      threshold  = local.thresholds.archive_freshness_seconds
      periods    = 10
      datapoints = 5
    })
    archive-delivery-failing = merge(local.archive_metric, {
      what       = "Firehose cannot write to S3; it waits, and reads no further."
      severity   = "high"
      metric     = "DeliveryToS3.Success"
      statistic  = "Average"
      comparison = "LessThanThreshold"
      threshold  = 1
      period     = 300
      periods    = 3
      datapoints = 2
    })
    archive-behind = merge(local.archive_metric, {
      what      = "Firehose reads the stream over ${local.thresholds.archive_behind_seconds} seconds behind its end."
      severity  = "low"
      metric    = "KinesisMillisBehindLatest"
      statistic = "Maximum"
      threshold = 1000 * local.thresholds.archive_behind_seconds
      periods   = 5
    })
    archive-throttled-reads = merge(local.archive_metric, {
      what       = "Firehose is refused reads of the stream."
      severity   = "low"
      metric     = "ThrottledGetRecords"
      statistic  = "Average"
      threshold  = 0
      periods    = 15
      datapoints = 10
    })
    archive-processing-failed = merge(local.archive_metric, {
      what       = "Calls of the transform fail; after its retries the records are error objects, not rows."
      severity   = "low"
      metric     = "ExecuteProcessing.Success"
      statistic  = "Average"
      comparison = "LessThanThreshold"
      threshold  = 1
      period     = 300
    })
    archive-conversion-failed = merge(local.archive_metric, {
      what      = "Rows do not fit their columns; they are error objects, not rows."
      severity  = "low"
      metric    = "FailedConversion.Records"
      statistic = "Sum"
      threshold = 0
      period    = 300
    })
  }
}
