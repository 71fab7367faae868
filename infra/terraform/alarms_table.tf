# DynamoDB: the table, and the idempotency keys.
locals {
  table_metric       = { namespace = "AWS/DynamoDB", dimensions = { TableName = local.names.table }, part = "table", severity = "low" }
  writing            = { TableName = local.names.table, Operation = "BatchWriteItem" }
  idempotency_metric = { namespace = "AWS/DynamoDB", part = "intake", severity = "low" }

  table_alarms = {
    # DynamoDB counts these for the account in this region, without the table.
    table-user-errors = merge(local.table_metric, {
      what       = "DynamoDB answers 400 to requests of this account and region."
      metric     = "UserErrors"
      dimensions = {}
      statistic  = "Sum"
      threshold  = 0
      periods    = 5
      datapoints = 3
    })
    table-system-errors = merge(local.table_metric, {
      what       = "DynamoDB answers 500 to writes."
      metric     = "SystemErrors"
      dimensions = local.writing
      statistic  = "Sum"
      threshold  = 0
      periods    = 5
      datapoints = 3
    })
    table-throttled = merge(local.table_metric, {
      what       = "DynamoDB throttles writes."
      metric     = "WriteThrottleEvents" # ThrottledRequests counts a BatchWriteItem only where every item is throttled
      statistic  = "Sum"
      threshold  = 0
      periods    = 5
      datapoints = 3
    })
    table-hot-partition = merge(local.table_metric, {
      what       = "DynamoDB throttles one partition: it takes 1,000 write units a second."
      metric     = "WriteKeyRangeThroughputThrottleEvents"
      statistic  = "Sum"
      threshold  = 0
      periods    = 5
      datapoints = 3
    })
    table-write-units = merge(local.table_metric, {
      what       = "Writes consume over ${local.thresholds.write_units_per_second} units a second."
      metric     = "ConsumedWriteCapacityUnits"
      statistic  = "Sum"
      threshold  = 60 * local.thresholds.write_units_per_second
      periods    = 5
      datapoints = 3
    })
    idempotency-throttled = merge(local.idempotency_metric, {
      what       = "DynamoDB throttles the keys of requests."
      metric     = "WriteThrottleEvents"
      dimensions = { TableName = local.names.idempotency_table }
      statistic  = "Sum"
      threshold  = 0
      periods    = 5
      datapoints = 3
    })
    idempotency-system-errors = merge(local.idempotency_metric, {
      what       = "DynamoDB answers 500 to the keys of requests."
      metric     = "SystemErrors"
      dimensions = { TableName = local.names.idempotency_table, Operation = "PutItem" }
      statistic  = "Sum"
      threshold  = 0
      periods    = 5
      datapoints = 3
    })
    backup-failed = {
      what      = "AWS Backup did not back the table up: a job failed, was aborted, or did not start in its window."
      severity  = "low" # the table can be restored to any point of the last 35 days besides
      part      = "table"
      threshold = 0
      queries = merge(
        { for outcome in ["Failed", "Aborted", "Expired"] : lower(outcome) => {
          namespace  = "AWS/Backup"
          metric     = "NumberOfBackupJobs${outcome}"
          dimensions = { BackupVaultName = local.prefix, ResourceType = "DynamoDB" }
          period     = 3600
        } },
        { jobs = {
          expression  = "FILL(failed, 0) + FILL(aborted, 0) + FILL(expired, 0)"
          label       = "backup jobs without a backup"
          return_data = true
        } },
      )
    }
  }
}
