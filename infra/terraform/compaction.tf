# Compaction, on a schedule (archive.compactor): it finds the hours to compact, and Athena merges their files.
data "aws_iam_policy_document" "compactor" {
  statement {
    sid       = "RunStatements"
    actions   = ["athena:GetQueryExecution", "athena:GetQueryResults", "athena:StartQueryExecution", "athena:StopQueryExecution"]
    resources = ["arn:${local.partition}:athena:${local.here}:workgroup/${local.prefix}"]
  }
  statement {
    sid     = "ReadTheTables"
    actions = ["glue:GetDatabase", "glue:GetPartitions", "glue:GetTable"]
    resources = [
      "arn:${local.partition}:glue:${local.here}:catalog",
      "arn:${local.partition}:glue:${local.here}:database/default", # Athena asks for it for every statement
      "arn:${local.partition}:glue:${local.here}:database/${local.names.database}",
      "arn:${local.partition}:glue:${local.here}:table/${local.names.database}/*",
    ]
  }
  statement {
    sid       = "FindTheObjects"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [local.arns.lake_bucket, local.arns.athena_bucket]
  }
  statement {
    sid       = "ReadWhatLanded"
    actions   = ["s3:GetObject"]
    resources = ["${local.arns.lake_bucket}/events/*"]
  }
  statement {
    sid       = "WriteCompacted"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = ["${local.arns.lake_bucket}/events_compacted/*", "${local.arns.athena_bucket}/results/*"]
  }
  statement {
    sid       = "DeleteReplaced"
    actions   = ["s3:DeleteObject"]
    resources = ["${local.arns.lake_bucket}/events_compacted/data/*", "${local.arns.lake_bucket}/events_compacted/sources/*"]
  }
}
