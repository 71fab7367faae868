# One page that tells the story from left to right: intake, stream, table, lake, dead letters. Alarms on top.
locals {
  widget = { width = 5, height = 6 } # 24 columns: five parts, the last takes what is left
  columns = [
    { title = "Intake", graphs = [
      { title = "Requests a minute", stat = "Sum", metrics = [["AWS/ApiGateway", "Count", keys(local.api.dimension)[0], values(local.api.dimension)[0], "Stage", local.stage_name], ["AWS/ApiGateway", local.api_errors.client, keys(local.api.dimension)[0], values(local.api.dimension)[0], "Stage", local.stage_name], ["AWS/ApiGateway", local.api_errors.server, keys(local.api.dimension)[0], values(local.api.dimension)[0], "Stage", local.stage_name]] },
      { title = "Events", stat = "Sum", metrics = [for metric in ["AcceptedEvents", "RejectedEvents", "ThrottledEvents"] : ["Spillway", metric, "function", local.function_names.http_api, "service", "http_api"]] },
      { title = "Latency, p99 (ms)", stat = "p99", metrics = [["AWS/ApiGateway", "Latency", keys(local.api.dimension)[0], values(local.api.dimension)[0], "Stage", local.stage_name]] },
    ] },
    { title = "Stream", graphs = [
      { title = "Records in", stat = "Sum", metrics = [["AWS/Kinesis", "IncomingRecords", "StreamName", local.names.stream]] },
      { title = "Refused, writing and reading", stat = "Sum", metrics = [for metric in ["WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded"] : ["AWS/Kinesis", metric, "StreamName", local.names.stream]] },
      { title = "Behind, of ${local.settings.stream.retention_hours} hours (ms)", stat = "Maximum", metrics = [["AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "StreamName", local.names.stream]] },
    ] },
    { title = "Table", graphs = [
      { title = "Events", stat = "Sum", metrics = [for metric in ["WrittenEvents", "UnwrittenEvents", "PoisonEvents"] : ["Spillway", metric, "function", local.function_names.table_writer, "service", "table_writer"]] },
      { title = "Write units", stat = "Sum", metrics = [["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", local.names.table], ["AWS/DynamoDB", "WriteThrottleEvents", "TableName", local.names.table]] },
      { title = "The writer's age (ms)", stat = "Maximum", metrics = [["AWS/Lambda", "IteratorAge", "FunctionName", local.function_names.table_writer]] },
    ] },
    { title = "Lake", graphs = [
      { title = "Records delivered, failed", stat = "Sum", metrics = [for metric in ["DeliveryToS3.Records", "FailedConversion.Records"] : ["AWS/Firehose", metric, "DeliveryStreamName", local.names.delivery_stream]] },
      { title = "The oldest record held (s)", stat = "Maximum", metrics = [["AWS/Firehose", "DeliveryToS3.DataFreshness", "DeliveryStreamName", local.names.delivery_stream]] },
      { title = "The transform", stat = "Sum", metrics = [for metric in ["Invocations", "Errors"] : ["AWS/Lambda", metric, "FunctionName", local.function_names.firehose_transform]] },
    ] },
    { title = "Dead letters", graphs = [
      { title = "Waiting, parked", stat = "Maximum", metrics = [for queue in [local.names.dead_letter_queue, local.names.parked_queue] : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue]] },
      { title = "Archived, lost", stat = "Sum", metrics = [for metric in ["ArchivedDeadLetters", "LostRecords", "UnarchivedMessages"] : ["Spillway", metric, "function", local.function_names.dead_letter_archiver, "service", "dead_letter_archiver"]] },
      { title = "The oldest message (s)", stat = "Maximum", metrics = [["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", local.names.dead_letter_queue]] },
    ] },
  ]

  dashboard = { widgets = concat(
    [{
      type = "alarm", x = 0, y = 0, width = 24, height = 3
      properties = {
        title  = "Pages: high, then low"
        alarms = [for key in concat(keys(local.high_pages), keys(local.low_pages)) : "arn:${local.partition}:cloudwatch:${local.here}:alarm:${local.prefix}-${key}"]
      }
    }],
    [for n, column in local.columns : {
      type       = "text", x = n * local.widget.width, y = 3, width = local.widget.width, height = 1
      properties = { markdown = "## ${n + 1}. ${column.title}" }
    }],
    flatten([for n, column in local.columns : [for row, graph in column.graphs : {
      type       = "metric", x = n * local.widget.width, y = 4 + row * local.widget.height, width = local.widget.width, height = local.widget.height
      properties = { title = graph.title, stat = graph.stat, metrics = graph.metrics, period = 60, region = local.region, view = "timeSeries" }
    }]]),
  ) }
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.prefix
  dashboard_body = jsonencode(local.dashboard)
}
