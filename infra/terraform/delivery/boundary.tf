# The most that a role of the pipeline can ever do. A release that grants more has no effect.
resource "aws_iam_policy" "boundary" {
  name        = "spillway-boundary"
  description = "The most that a role made by Spillway's delivery can do"
  policy      = data.aws_iam_policy_document.boundary.json
}

data "aws_iam_policy_document" "boundary" {
  # checkov:skip=CKV_AWS_111:a boundary grants nothing; X-Ray and network interfaces have no resources to name
  # checkov:skip=CKV_AWS_356:a boundary grants nothing; X-Ray and network interfaces have no resources to name

  statement {
    sid = "OwnData"
    actions = [
      "athena:*", "backup:*", "dynamodb:*", "firehose:*", "glue:*", "kinesis:*", "lambda:GetFunctionConfiguration",
      "lambda:InvokeFunction", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents", "s3:*", "sns:Publish", "sqs:*",
    ]
    resources = [for arn in [
      "athena:${local.here}:workgroup/spillway-*", "backup:${local.here}:backup-vault:spillway-*",
      "dynamodb:${local.here}:table/spillway-*", "firehose:${local.here}:deliverystream/spillway-*",
      "glue:${local.here}:catalog", "glue:${local.here}:database/default", "glue:${local.here}:database/spillway_*", "glue:${local.here}:table/spillway_*/*",
      "kinesis:${local.here}:stream/spillway-*", "lambda:${local.here}:function:spillway-*", "logs:${local.here}:log-group:/aws/*/spillway-*",
      "s3:::spillway-*", "sns:${local.here}:spillway-*", "sqs:${local.here}:spillway-*",
    ] : "arn:${local.partition}:${arn}"]
  }
  statement {
    sid       = "OwnKeys"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = ["arn:${local.partition}:kms:${local.here}:key/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Project"
      values   = ["spillway"]
    }
  }
  statement {
    sid = "TraceAndBeInAVpc"
    actions = [
      "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
    ]
    resources = ["*"]
  }
  statement {
    sid       = "ScaleShards"
    actions   = ["cloudwatch:GetMetricData", "kinesis:DescribeLimits", "lambda:ListEventSourceMappings"]
    resources = ["*"]
  }
  statement {
    sid       = "OwnMappings"
    actions   = ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"]
    resources = ["arn:${local.partition}:lambda:${local.here}:event-source-mapping:*"]

    condition {
      test     = "ArnLike"
      variable = "lambda:FunctionArn"
      values   = ["arn:${local.partition}:lambda:${local.here}:function:spillway-*"]
    }
  }
  # Not the pipeline's own keeping: who may read what, and whether it is kept.
  statement {
    sid       = "NeverWhatKeepsData"
    effect    = "Deny"
    actions   = ["dynamodb:DeleteTable", "kinesis:DeleteStream", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketPolicy", "sqs:DeleteQueue"]
    resources = ["*"]
  }
}
