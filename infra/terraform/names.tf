# Every name, as infra/names.py gives it to Python; a test compares the two.
locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  prefix    = "spillway-${var.environment}"

  names = {
    stream             = "${local.prefix}-events"
    table              = "${local.prefix}-events"
    idempotency_table  = "${local.prefix}-idempotency"
    delivery_stream    = "${local.prefix}-archive"
    dead_letter_queue  = "${local.prefix}-dead-letters"
    parked_queue       = "${local.prefix}-dead-letters-parked"
    lake_bucket        = "${local.prefix}-lake-${local.account}"
    dead_letter_bucket = "${local.prefix}-dead-letters-${local.account}"
    athena_bucket      = "${local.prefix}-athena-${local.account}"
    database           = "spillway_${var.environment}"
    key_alias          = "alias/${local.prefix}"
  }

  function_names = { for name in concat(
    ["http_api", "table_writer", "firehose_transform", "dead_letter_archiver", "compactor"],
    local.scales ? ["scaling_function"] : [],
  ) : name => "${local.prefix}-${replace(name, "_", "-")}" }

  # ARNs made from the names: known before anything exists, so that a plan shows every IAM document whole, and the
  # key's policy can name roles that are made after the key.
  here = "${local.region}:${local.account}"
  arns = {
    stream             = "arn:${local.partition}:kinesis:${local.here}:stream/${local.names.stream}"
    table              = "arn:${local.partition}:dynamodb:${local.here}:table/${local.names.table}"
    idempotency_table  = "arn:${local.partition}:dynamodb:${local.here}:table/${local.names.idempotency_table}"
    dead_letter_queue  = "arn:${local.partition}:sqs:${local.here}:${local.names.dead_letter_queue}"
    parked_queue       = "arn:${local.partition}:sqs:${local.here}:${local.names.parked_queue}"
    lake_bucket        = "arn:${local.partition}:s3:::${local.names.lake_bucket}"
    dead_letter_bucket = "arn:${local.partition}:s3:::${local.names.dead_letter_bucket}"
    athena_bucket      = "arn:${local.partition}:s3:::${local.names.athena_bucket}"
    delivery_stream    = "arn:${local.partition}:firehose:${local.here}:deliverystream/${local.names.delivery_stream}"
  }
  function_arns      = { for name, function in local.function_names : name => "arn:${local.partition}:lambda:${local.here}:function:${function}" }
  function_role_arns = { for name, function in local.function_names : name => "arn:${local.partition}:iam::${local.account}:role/${function}" }
}
