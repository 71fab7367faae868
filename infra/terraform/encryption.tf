# One customer-managed key for everything at rest. Its policy names who uses it, and by which services.
locals {
  # Who uses the key by which service, and for what. What calls nothing and holds no settings is not in it.
  writes_table  = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
  reads_setting = ["kms:Decrypt"]
  key_use       = { for user, services in local.all_key_use : user => services if contains(keys(local.role_names), user) }
  all_key_use = {
    http_api = {
      kinesis  = ["kms:GenerateDataKey"]
      dynamodb = local.writes_table
      lambda   = local.reads_setting
    }
    table_writer = {
      kinesis  = ["kms:Decrypt"]
      dynamodb = local.writes_table
      sqs      = ["kms:Decrypt", "kms:GenerateDataKey"]
      s3       = ["kms:GenerateDataKey"]
      lambda   = local.reads_setting
    }
    dead_letter_archiver = {
      sqs     = ["kms:Decrypt"]
      kinesis = ["kms:Decrypt"]
      s3      = ["kms:Decrypt", "kms:GenerateDataKey"]
      lambda  = local.reads_setting
    }
    compactor = {
      s3     = ["kms:Decrypt", "kms:GenerateDataKey"] # Athena reads and writes as its caller
      lambda = local.reads_setting
    }
    scaling_function = {
      kinesis = ["kms:Decrypt"]
      sns     = ["kms:Decrypt", "kms:GenerateDataKey"]
      lambda  = local.reads_setting
    }
    backup = {
      backup   = ["kms:DescribeKey"]
      dynamodb = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    }
    firehose = {
      kinesis = ["kms:Decrypt"]
      s3      = ["kms:Decrypt", "kms:GenerateDataKey"]
    }
  }

  role_names = merge(local.function_names, { for key in ["backup", "firehose"] : key => local.services[key].name })
  operators  = coalesce(var.operators, [data.aws_iam_session_context.deployer.issuer_arn])

  # Who makes functions, vaults and tables that the key encrypts: whoever applies this, and the roles of delivery, by
  # their names, so that a plan of another is the same. They need the key through these services, see
  # delivery/keys.tf; what they may read besides is for IAM, which lets the delivery's roles read no events.
  makers = distinct([
    "arn:${local.partition}:iam::${local.account}:role/spillway-delivery-apply-${var.environment}",
    "arn:${local.partition}:iam::${local.account}:role/spillway-delivery-plan",
    data.aws_iam_session_context.deployer.issuer_arn,
  ])
  made_with_key = [for service in ["backup", "dynamodb", "lambda"] : "${service}.${local.region}.amazonaws.com"]
  key_users = concat(
    [for user in keys(local.key_use) : "arn:${local.partition}:iam::${local.account}:role/${local.role_names[user]}"],
    local.operators,
  )
}

# Whoever applies this: the role behind an assumed-role session.
data "aws_iam_session_context" "deployer" {
  arn = data.aws_caller_identity.current.arn
}

resource "aws_kms_key" "this" {
  description             = "Everything of ${local.prefix} at rest"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "this" {
  name          = local.names.key_alias
  target_key_id = aws_kms_key.this.key_id
}

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109:in a key's own policy the resource * is this key
  # checkov:skip=CKV_AWS_111:in a key's own policy the resource * is this key
  # checkov:skip=CKV_AWS_356:in a key's own policy the resource * is this key

  statement {
    sid = "AccountAdministersButDoesNotUse"
    actions = [
      "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:Delete*", "kms:Describe*", "kms:Disable*", "kms:Enable*",
      "kms:Get*", "kms:List*", "kms:Put*", "kms:Revoke*", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion",
      "kms:TagResource", "kms:UntagResource", "kms:Update*",
    ]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  # The account as principal lets IAM policies decide; the condition leaves that to the roles named. So the roles
  # need not exist yet, and a role that is deleted and made again is not locked out.
  statement {
    sid       = "UsersByTheirServices"
    actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:PrincipalArn"
      values   = local.key_users
    }
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [for service in ["backup", "dynamodb", "kinesis", "lambda", "s3", "sns", "sqs"] : "${service}.${local.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "MakersThroughWhatTheyMake"
    actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:RetireGrant"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:PrincipalArn"
      values   = local.makers
    }
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = local.made_with_key
    }
  }
  statement {
    sid       = "MakersGrantItToServices"
    actions   = ["kms:CreateGrant"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:PrincipalArn"
      values   = local.makers
    }
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = local.made_with_key
    }
    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }

  # Alarms and budgets publish to the topics as themselves.
  statement {
    sid       = "Topics"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  # CloudWatch Logs encrypts as itself, for log groups of this environment alone.
  statement {
    sid       = "LogGroups"
    actions   = ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${local.region}.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = [for group in ["/aws/*/${local.prefix}-*", "aws-waf-logs-${local.prefix}"] : "arn:${local.partition}:logs:${local.here}:log-group:${group}"]
    }
  }
}

# The other half: what each role may do with the key.
resource "aws_iam_role_policy" "key" {
  for_each = local.key_use

  name   = "key"
  role   = module.roles.names[each.key]
  policy = data.aws_iam_policy_document.key_use[each.key].json
}

data "aws_iam_policy_document" "key_use" {
  for_each = local.key_use

  dynamic "statement" {
    for_each = each.value
    content {
      sid       = "By${title(statement.key)}"
      actions   = statement.value
      resources = [aws_kms_key.this.arn]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["${statement.key}.${local.region}.amazonaws.com"]
      }
    }
  }
}
