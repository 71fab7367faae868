# One page that shows the pipeline from left to right: intake, stream, table, lake, dead letters. Alarms on top.
locals {
  widget = { width = 5, height = 6 } # 24 columns: five parts, the last takes what is left

  # A metric of each source, as a widget names it; the values follow.
  api_dimension = [for name, value in local.api_dimensions : [name, value]]
  api = { for metric in ["Count", local.api_errors.client, local.api_errors.server, "Latency"] :
  metric => concat(["AWS/ApiGateway", metric], flatten(local.api_dimension)) }
  counts   = { for function, name in local.function_names : function => ["function", name, "service", function] }
  stream   = ["StreamName", local.names.stream]
  table    = ["TableName", local.names.table]
  firehose = ["DeliveryStreamName", local.names.delivery_stream]

  columns = [
    { title = "Intake", graphs = [
      { title = "Requests a minute", stat = "Sum", metrics = [
        local.api["Count"], local.api[local.api_errors.client], local.api[local.api_errors.server],
      ] },
      { title = "Events", stat = "Sum", metrics = [
      for metric in ["AcceptedEvents", "RejectedEvents", "ThrottledEvents"] : concat(["Spillway", metric], local.counts.http_api)] },
      { title = "Latency, p99 (ms)", stat = "p99", metrics = [local.api["Latency"]] },
    ] },
    { title = "Stream", graphs = [
      { title = "Records in", stat = "Sum", metrics = [concat(["AWS/Kinesis", "IncomingRecords"], local.stream)] },
      { title = "Refused, writing and reading", stat = "Sum", metrics = [
        for metric in ["WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded"] :
      concat(["AWS/Kinesis", metric], local.stream)] },
      { title = "Behind, of ${local.settings.stream.retention_hours} hours (ms)", stat = "Maximum", metrics = [
      concat(["AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds"], local.stream)] },
    ] },
    { title = "Table", graphs = [
      { title = "Events", stat = "Sum", metrics = [
      for metric in ["WrittenEvents", "UnwrittenEvents", "PoisonEvents"] : concat(["Spillway", metric], local.counts.table_writer)] },
      { title = "Write units", stat = "Sum", metrics = [
      for metric in ["ConsumedWriteCapacityUnits", "WriteThrottleEvents"] : concat(["AWS/DynamoDB", metric], local.table)] },
      { title = "The writer's age (ms)", stat = "Maximum", metrics = [
      ["AWS/Lambda", "IteratorAge", "FunctionName", local.function_names.table_writer]] },
    ] },
    { title = "Lake", graphs = [
      { title = "Records delivered, failed", stat = "Sum", metrics = [
      for metric in ["DeliveryToS3.Records", "FailedConversion.Records"] : concat(["AWS/Firehose", metric], local.firehose)] },
      { title = "The oldest record held (s)", stat = "Maximum", metrics = [
      concat(["AWS/Firehose", "DeliveryToS3.DataFreshness"], local.firehose)] },
      { title = "The transform", stat = "Sum", metrics = [
      for metric in ["Invocations", "Errors"] : ["AWS/Lambda", metric, "FunctionName", local.function_names.firehose_transform]] },
    ] },
    { title = "Dead letters", graphs = [
      { title = "Waiting, parked", stat = "Maximum", metrics = [
        for queue in [local.names.dead_letter_queue, local.names.parked_queue] :
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue]] },
      { title = "Archived, lost", stat = "Sum", metrics = [
        for metric in ["ArchivedDeadLetters", "LostRecords", "UnarchivedMessages"] :
      concat(["Spillway", metric], local.counts.dead_letter_archiver)] },
      { title = "The oldest message (s)", stat = "Maximum", metrics = [
      ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", local.names.dead_letter_queue]] },
    ] },
  ]

  dashboard = { widgets = concat(
    [{
      type = "alarm", x = 0, y = 0, width = 24, height = 3
      properties = {
        title = "Pages: high, then low"
        alarms = [for key in concat(keys(local.high_pages), keys(local.low_pages)) :
        "arn:${local.partition}:cloudwatch:${local.here}:alarm:${local.prefix}-${key}"]
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
