# X-Ray: how many requests are traced, and the group in which they are found. The event carries the trace past Kinesis.
resource "aws_xray_sampling_rule" "this" {
  rule_name      = local.prefix
  priority       = 1000
  version        = 1
  reservoir_size = local.settings.tracing.reservoir_per_second
  fixed_rate     = local.settings.tracing.sample_rate
  service_name   = "${local.prefix}*" # the API's stage is "<api>/<stage>"
  service_type   = "*"
  host           = "*"
  http_method    = "*"
  url_path       = "*"
  resource_arn   = "*"
}

resource "aws_xray_group" "this" {
  group_name        = local.prefix
  filter_expression = "service(\"${local.function_names.http_api}\") OR service(\"${local.function_names.table_writer}\")"

  insights_configuration {
    insights_enabled      = true
    notifications_enabled = false
  }
}

# X-Ray encrypts by itself; a key of one's own is a setting of the whole account, and so not made here.
