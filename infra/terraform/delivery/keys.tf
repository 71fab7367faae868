# The environment's encryption keys. Who makes a function, a vault or a table that a key encrypts needs the key through
# that service: AWS takes it as the maker's own request.
locals {
  key_regions = contains(var.options, "table_replica_region") ? "*" : var.region
  key_arns    = "arn:${local.partition}:kms:${local.key_regions}:${local.account}:key/*"
  makers      = ["backup", "dynamodb", "lambda"]
}

data "aws_iam_policy_document" "keys" {
  for_each = var.environments

  # checkov:skip=CKV_AWS_109:keys are bounded by their tags
  # checkov:skip=CKV_AWS_111:CreateKey knows no resource; keys are bounded by their tags
  # checkov:skip=CKV_AWS_356:CreateKey knows no resource; keys are bounded by their tags

  statement {
    sid       = "MakeKeys"
    actions   = ["kms:CreateKey", "kms:TagResource"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Environment"
      values   = [each.key]
    }
  }
  statement {
    sid = "ChangeOwnKeys"
    actions = [
      "kms:CreateAlias", "kms:DeleteAlias", "kms:EnableKeyRotation", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion",
      "kms:TagResource", "kms:UntagResource", "kms:UpdateKeyDescription",
    ]
    resources = [local.key_arns]

    dynamic "condition" {
      for_each = { Environment = each.key, Project = "spillway" }
      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }
  statement {
    sid       = "Aliases"
    actions   = ["kms:CreateAlias", "kms:DeleteAlias"]
    resources = ["arn:${local.partition}:kms:${local.here}:alias/spillway-${each.key}"]
  }
  # AWS's reference lists the key beside the stream for this action.
  statement {
    sid       = "EncryptStreams"
    actions   = ["kinesis:StartStreamEncryption"]
    resources = [local.key_arns]
  }
  statement {
    sid       = "UseOwnKeysThroughWhatIsMade"
    actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:RetireGrant"]
    resources = [local.key_arns]

    dynamic "condition" {
      for_each = { Environment = each.key, Project = "spillway" }
      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.key}"
        values   = [condition.value]
      }
    }
    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = [for service in local.makers : "${service}.${local.key_regions}.amazonaws.com"]
    }
  }
  statement {
    sid       = "GrantOwnKeysToServices"
    actions   = ["kms:CreateGrant"]
    resources = [local.key_arns]

    dynamic "condition" {
      for_each = { Environment = each.key, Project = "spillway" }
      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.key}"
        values   = [condition.value]
      }
    }
    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = [for service in local.makers : "${service}.${local.key_regions}.amazonaws.com"]
    }
    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }
}
