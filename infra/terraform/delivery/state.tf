# Terraform's state in S3, and the lock beside it.
locals {
  state_object = "arn:${local.partition}:s3:::${var.state_bucket}"
}

data "aws_iam_policy_document" "state" {
  for_each = local.subjects

  statement {
    sid       = "FindTheState"
    actions   = ["s3:ListBucket"]
    resources = [local.state_object]
  }
  # `terraform init` looks at the state of the workspace default, in which nothing of Spillway is, before another is selected.
  statement {
    sid     = "ReadTheState"
    actions = ["s3:GetObject"]
    resources = [
      "${local.state_object}/${var.state_key}",
      "${local.state_object}/env:/${each.key == "plan" ? var.plan_environment : each.key}/${var.state_key}",
    ]
  }
  # A plan of a pull request is made without a lock (-lock=false), so that it writes nothing at all.
  dynamic "statement" {
    for_each = each.key == "plan" ? [] : [each.key]
    content {
      sid       = "WriteTheState"
      actions   = ["s3:PutObject"]
      resources = ["${local.state_object}/env:/${statement.value}/${var.state_key}"]
    }
  }
  dynamic "statement" {
    for_each = each.key == "plan" ? [] : [each.key]
    content {
      sid       = "LockTheState"
      actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
      resources = ["${local.state_object}/env:/${statement.value}/${var.state_key}.tflock"]
    }
  }
  dynamic "statement" {
    for_each = var.state_kms_key_arn == null ? [] : [var.state_kms_key_arn]
    content {
      sid       = "UseTheStatesKey"
      actions   = each.key == "plan" ? ["kms:Decrypt"] : ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}
