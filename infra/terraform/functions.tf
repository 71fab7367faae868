# The functions. What differs between them stands in a table; what each may do, in the file of its component.
locals {
  functions = { for name, function in local.all_functions : name => function if contains(keys(local.function_names), name) }
  all_functions = {
    http_api = {
      module               = "producers.http_api"
      settings             = local.settings.http
      reserved_concurrency = max(ceil(local.settings.http.rate_per_second), local.settings.http.burst)
      environment = {
        STREAM_NAME         = local.names.stream
        AGGREGATE_BYTES     = tostring(local.settings.stream.aggregate_bytes)
        PARTITION_KEY       = local.settings.stream.partition_key == null ? "" : local.settings.stream.partition_key
        MAX_EVENT_BYTES     = tostring(local.settings.http.max_event_bytes)
        MAX_BATCH_EVENTS    = tostring(local.settings.http.max_batch_events)
        WIRE_CLIENT_KINESIS = local.settings.http.wire_client ? "on" : "off"
        IDEMPOTENCY_TABLE   = local.names.idempotency_table
        CORS_ORIGINS        = join(" ", local.settings.http.cors_origins)
        # An HTTP API checks neither, so the function does.
        API_KEY_SHA256 = local.is_http_api ? join(" ", var.api_key_sha256) : ""
        ALLOWED_CIDRS  = local.is_http_api ? join(" ", local.settings.http.allowed_cidrs) : ""
      }
    }
    table_writer = {
      module               = "consumers.table_writer"
      settings             = local.settings.table_writer
      reserved_concurrency = -1 # invocations follow the shards, which may change without Terraform
      environment = {
        TABLE_NAME            = local.names.table
        TTL_DAYS              = local.settings.table.ttl_days == null ? "" : tostring(local.settings.table.ttl_days)
        CONCURRENT_WRITES     = tostring(local.settings.table_writer.concurrent_writes)
        WIRE_CLIENT_DYNAMODB  = local.settings.table_writer.wire_client ? "on" : "off"
        FLOOD_SHARE           = tostring(local.settings.table_writer.flood_share)
        FLOOD_MINIMUM         = tostring(local.settings.table_writer.flood_minimum)
        DEAD_LETTER_QUEUE_URL = aws_sqs_queue.dead_letters.url
        DEAD_LETTER_BUCKET    = local.names.dead_letter_bucket
      }
    }
    firehose_transform = {
      module               = "archive.firehose_transform"
      settings             = local.settings.archive
      reserved_concurrency = -1 # the same
      environment          = {}
    }
    dead_letter_archiver = {
      module               = "archive.dead_letter_archiver"
      settings             = local.settings.dead_letters
      reserved_concurrency = local.archiver_concurrency
      environment = {
        DEAD_LETTER_BUCKET = local.names.dead_letter_bucket
      }
    }
    compactor = {
      module               = "archive.compactor"
      settings             = local.settings.compaction
      reserved_concurrency = 1 # two at once would overtake each other
      environment = {
        LAKE_BUCKET           = local.names.lake_bucket
        ATHENA_WORKGROUP      = local.prefix
        GLUE_DATABASE         = local.names.database
        LOOK_BACK_HOURS       = tostring(local.settings.compaction.look_back_hours)
        CLOSED_AFTER_MINUTES  = tostring(local.settings.compaction.closed_after_minutes)
        VISIBLE_AFTER_SECONDS = tostring(local.settings.compaction.visible_after_seconds)
      }
    }
    scaling_function = {
      module               = "infra.shards.scaling_function"
      settings             = local.settings.scaling
      reserved_concurrency = 1 # a step at a time
      environment = {
        STREAM_NAME            = local.names.stream
        DELIVERY_STREAM_NAME   = local.names.delivery_stream
        TABLE_WRITER_NAME      = local.function_names.table_writer
        TOPIC_ARN              = local.topic_arns.low
        DRY_RUN                = tostring(local.settings.scaling.dry_run)
        PERIOD_SECONDS         = tostring(60 * local.scaling_period_minutes)
        TARGET_UTILISATION     = tostring(local.settings.scaling.target_utilisation)
        UP_ABOVE               = tostring(local.settings.scaling.up_above)
        DOWN_BELOW             = tostring(local.settings.scaling.down_below)
        MIN_SHARDS             = tostring(local.settings.scaling.minimum_shards)
        MAX_SHARDS             = tostring(local.settings.scaling.maximum_shards)
        UP_COOL_DOWN_SECONDS   = tostring(local.settings.scaling.up_cool_down_seconds)
        DOWN_COOL_DOWN_SECONDS = tostring(local.settings.scaling.down_cool_down_seconds)
      }
    }
  }

  # The transform calls nothing.
  function_policies = { for name, policy in {
    http_api             = data.aws_iam_policy_document.http_api.json
    table_writer         = data.aws_iam_policy_document.table_writer.json
    dead_letter_archiver = data.aws_iam_policy_document.dead_letter_archiver.json
    compactor            = data.aws_iam_policy_document.compactor.json
    scaling_function     = data.aws_iam_policy_document.scaling_function.json
  } : name => policy if contains(keys(local.function_names), name) }
}

resource "aws_lambda_function" "this" {
  for_each = local.functions

  # checkov:skip=CKV_AWS_116:what fails goes to the mapping's or Firehose's own destination; what a schedule invokes, the next one invokes again
  # checkov:skip=CKV_AWS_117:the functions reach AWS's public endpoints over TLS; vpc_cidr puts them in a VPC
  # checkov:skip=CKV_AWS_272:the package is built and applied by one command; signing profiles are the account's to set up

  function_name                  = local.function_names[each.key]
  description                    = "Spillway ${var.environment}: ${each.value.module}"
  role                           = module.roles.arns[each.key]
  handler                        = "${each.value.module}.handler"
  runtime                        = "python3.13"
  architectures                  = ["arm64"]
  filename                       = "${path.module}/${var.package_file}"
  source_code_hash               = filebase64sha256("${path.module}/${var.package_file}")
  publish                        = true
  timeout                        = each.value.settings.timeout_seconds
  memory_size                    = each.value.settings.memory_mib
  reserved_concurrent_executions = var.reserve_concurrency ? each.value.reserved_concurrency : -1
  kms_key_arn                    = length(each.value.environment) > 0 ? aws_kms_key.this.arn : null

  tracing_config {
    mode = "Active"
  }

  # Only where a client waits for the answer. The alias calls a published version, as SnapStart needs.
  dynamic "snap_start" {
    for_each = each.key == "http_api" && var.snap_start ? [true] : []
    content {
      apply_on = "PublishedVersions"
    }
  }

  dynamic "environment" {
    for_each = length(each.value.environment) > 0 ? [each.value.environment] : []
    content {
      variables = environment.value
    }
  }

  dynamic "vpc_config" {
    for_each = aws_security_group.functions
    content {
      subnet_ids         = aws_subnet.private[*].id
      security_group_ids = [vpc_config.value.id]
    }
  }

  # Without its permissions a function fails at once; without its log group Lambda makes one that never expires.
  depends_on = [
    aws_iam_role_policy.function, aws_iam_role_policy.function_base, aws_iam_role_policy.key, aws_cloudwatch_log_group.function,
  ]
}

# What everything calls: the published version that is live. While a release is tried (canary), the version before it,
# with a share for the new one.
resource "aws_lambda_alias" "live" {
  for_each = local.functions

  name             = "live"
  description      = "The version that the pipeline runs"
  function_name    = aws_lambda_function.this[each.key].function_name
  function_version = try(var.canary.stable_versions[each.key], aws_lambda_function.this[each.key].version)

  dynamic "routing_config" {
    for_each = try(var.canary.share > 0 && var.canary.stable_versions[each.key] != aws_lambda_function.this[each.key].version, false) ? [var.canary.share] : []
    content {
      additional_version_weights = { (aws_lambda_function.this[each.key].version) = routing_config.value }
    }
  }
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = local.functions

  name              = "/aws/lambda/${local.function_names[each.key]}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_iam_role_policy" "function" {
  for_each = local.function_policies

  name   = "component"
  role   = module.roles.names[each.key]
  policy = each.value
}

resource "aws_iam_role_policy" "function_base" {
  for_each = local.functions

  name   = "base"
  role   = module.roles.names[each.key]
  policy = data.aws_iam_policy_document.function_base[each.key].json
}

# What every function needs: to log, to trace, and to be in the VPC where there is one.
data "aws_iam_policy_document" "function_base" {
  for_each = local.functions

  # checkov:skip=CKV_AWS_111:X-Ray and network interfaces have no resources to name
  # checkov:skip=CKV_AWS_356:X-Ray and network interfaces have no resources to name

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.here}:log-group:/aws/lambda/${local.function_names[each.key]}:*"]
  }
  statement {
    sid       = "Trace"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }
  dynamic "statement" {
    for_each = var.vpc_cidr == null ? [] : [true]
    content {
      sid = "BeInTheVpc"
      actions = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
      ]
      resources = ["*"]
    }
  }
}
