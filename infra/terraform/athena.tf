# Athena: a workgroup that bounds what a query may scan, its results, and the queries saved in it.
resource "aws_athena_workgroup" "lake" {
  name          = local.prefix
  description   = "Queries over the lake of Spillway ${var.environment}"
  force_destroy = true # query history and saved queries; the latter are in archive/lake/queries

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = floor(var.athena_scan_limit_gib * pow(1024, 3))

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }
    result_configuration {
      output_location       = "s3://${module.athena_bucket.name}/results/"
      expected_bucket_owner = local.account

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = aws_kms_key.this.arn
      }
    }
  }

  tags = { Name = local.prefix }
}

# Every file of archive/lake/queries, its first line, a comment, as description.
resource "aws_athena_named_query" "saved" {
  for_each = fileset("${path.module}/../../archive/lake/queries", "*.sql")

  name        = trimsuffix(each.key, ".sql")
  description = trimspace(trimprefix(split("\n", file("${path.module}/../../archive/lake/queries/${each.key}"))[0], "--"))
  workgroup   = aws_athena_workgroup.lake.name
  database    = aws_glue_catalog_database.lake.name
  query       = file("${path.module}/../../archive/lake/queries/${each.key}")
}

module "athena_bucket" {
  source = "./bucket"

  name            = local.names.athena_bucket
  arn             = local.arns.athena_bucket
  key_arn         = aws_kms_key.this.arn
  expiration_days = 30
  force_destroy   = true # a query gives its results again
}
