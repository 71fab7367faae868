# Firehose, from the stream to the lake: transformed by a function (archive.firehose_transform), written as Parquet.
locals {
  transform_settings = {
    NumberOfRetries         = local.settings.archive.transform_retries
    BufferSizeInMBs         = local.settings.archive.transform_buffer_mib
    BufferIntervalInSeconds = local.settings.archive.transform_buffer_seconds
  }
  # Firehose's own; the provider shows a difference for ever where one is given as it is by default.
  transform_defaults = { NumberOfRetries = 3, BufferSizeInMBs = 1, BufferIntervalInSeconds = 60 }
}

resource "aws_kinesis_firehose_delivery_stream" "archive" {
  # checkov:skip=CKV_AWS_240:what it reads is the encrypted stream; the setting is for records put to Firehose directly
  # checkov:skip=CKV_AWS_241:what it reads is the encrypted stream; the setting is for records put to Firehose directly

  name        = local.names.delivery_stream
  destination = "extended_s3"

  kinesis_source_configuration {
    kinesis_stream_arn = aws_kinesis_stream.events.arn
    role_arn           = module.roles.arns["firehose"]
  }

  extended_s3_configuration {
    role_arn            = module.roles.arns["firehose"]
    bucket_arn          = module.lake_bucket.arn
    kms_key_arn         = aws_kms_key.this.arn
    prefix              = local.lake.landing_prefix
    error_output_prefix = local.lake.error_prefix
    buffering_size      = local.settings.archive.buffer_mib
    buffering_interval  = local.settings.archive.buffer_seconds
    compression_format  = "UNCOMPRESSED" # Parquet compresses itself

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.firehose.name
      log_stream_name = aws_cloudwatch_log_stream.firehose.name
    }

    processing_configuration {
      enabled = true

      processors {
        type = "Lambda"

        parameters {
          parameter_name  = "LambdaArn"
          parameter_value = aws_lambda_alias.live["firehose_transform"].arn
        }
        dynamic "parameters" {
          for_each = { for name, value in local.transform_settings : name => value if value != local.transform_defaults[name] }
          content {
            parameter_name  = parameters.key
            parameter_value = tostring(parameters.value)
          }
        }
      }
    }

    data_format_conversion_configuration {
      schema_configuration {
        role_arn      = module.roles.arns["firehose"]
        database_name = aws_glue_catalog_database.lake.name
        table_name    = aws_glue_catalog_table.lake["events_landing"].name
        region        = local.region
        version_id    = "LATEST"
      }
      input_format_configuration {
        deserializer {
          open_x_json_ser_de {}
        }
      }
      output_format_configuration {
        serializer {
          parquet_ser_de {
            compression = "SNAPPY"
          }
        }
      }
    }
  }

  depends_on = [aws_iam_role_policy.firehose, aws_iam_role_policy.key]
}

resource "aws_cloudwatch_log_group" "firehose" {
  name              = "/aws/kinesisfirehose/${local.names.delivery_stream}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_cloudwatch_log_stream" "firehose" {
  name           = "delivery"
  log_group_name = aws_cloudwatch_log_group.firehose.name
}

resource "aws_iam_role_policy" "firehose" {
  name   = "component"
  role   = module.roles.names["firehose"]
  policy = data.aws_iam_policy_document.firehose.json
}

data "aws_iam_policy_document" "firehose" {
  statement {
    sid       = "ReadTheStream"
    actions   = ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
    resources = [local.arns.stream]
  }
  statement {
    sid       = "FindTheLake"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [local.arns.lake_bucket]
  }
  statement {
    sid       = "WriteToTheLake"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = ["${local.arns.lake_bucket}/events/*", "${local.arns.lake_bucket}/firehose-errors/*"]
  }
  statement {
    sid     = "ReadTheSchema"
    actions = ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"]
    resources = [
      "arn:${local.partition}:glue:${local.here}:catalog",
      "arn:${local.partition}:glue:${local.here}:database/${local.names.database}",
      "arn:${local.partition}:glue:${local.here}:table/${local.names.database}/events_landing",
    ]
  }
  statement {
    sid       = "CallTheTransform"
    actions   = ["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"]
    resources = ["${local.function_arns.firehose_transform}:live"]
  }
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.here}:log-group:/aws/kinesisfirehose/${local.names.delivery_stream}:log-stream:delivery"]
  }
}
