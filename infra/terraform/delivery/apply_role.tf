# Assumed by a job in a GitHub environment: it makes that environment of Spillway, and nothing of another.
resource "aws_iam_role" "apply" {
  for_each = var.environments

  name                 = "spillway-delivery-apply-${each.key}"
  description          = "Applies Spillway ${each.key} for ${var.repository}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 7200 # two applies, and a quarter of an hour of a canary

  depends_on = [aws_iam_openid_connect_provider.github]
}

resource "aws_iam_role_policy" "apply_state" {
  for_each = var.environments

  name   = "state"
  role   = aws_iam_role.apply[each.key].name
  policy = data.aws_iam_policy_document.state[each.key].json
}

# Several policies, since a managed one holds 6,144 characters.
locals {
  service_parts = { for n, services in chunklist(sort(keys(local.services[one(slice(sort(var.environments), 0, 1))])), 5) :
  "services-${n + 1}" => services }
  apply_documents = merge([for environment in var.environments : merge(
    { for part in keys(local.service_parts) :
    "${environment} ${part}" => data.aws_iam_policy_document.services["${environment} ${part}"].json },
    { "${environment} unnamed" = data.aws_iam_policy_document.unnamed[environment].json },
    { "${environment} keys" = data.aws_iam_policy_document.keys[environment].json },
    { "${environment} roles" = data.aws_iam_policy_document.roles[environment].json },
    length(var.options) == 0 ? {} : { "${environment} options" = data.aws_iam_policy_document.options[environment].json },
  )]...)
}

resource "aws_iam_policy" "apply" {
  for_each = local.apply_documents

  name        = "spillway-delivery-apply-${replace(each.key, " ", "-")}"
  description = "What applying Spillway ${split(" ", each.key)[0]} takes"
  policy      = each.value
}

resource "aws_iam_role_policy_attachment" "apply" {
  for_each = local.apply_documents

  role       = aws_iam_role.apply[split(" ", each.key)[0]].name
  policy_arn = aws_iam_policy.apply[each.key].arn
}

data "aws_iam_policy_document" "services" {
  for_each = merge([for environment in var.environments : { for part, services in local.service_parts :
    "${environment} ${part}" => { for service in services : service => local.services[environment][service] }
  }]...)

  dynamic "statement" {
    for_each = each.value
    content {
      sid       = replace(title(statement.key), "-", "")
      actions   = concat(statement.value.reads, statement.value.makes)
      resources = [for arn in statement.value.arns : "arn:${local.partition}:${arn}"]
    }
  }
}

# What has no name of ours in its ARN: bounded by tag, function or region where IAM can.
data "aws_iam_policy_document" "unnamed" {
  for_each = var.environments

  # checkov:skip=CKV_AWS_109:what another environment owns is denied by its tags
  # checkov:skip=CKV_AWS_111:these actions know no resource, or one whose id only AWS gives; what another environment owns is denied
  # checkov:skip=CKV_AWS_356:these actions know no resource, or one whose id only AWS gives

  statement {
    sid       = "Read"
    actions   = concat(local.unnamed_reads, ["ce:ListCostAllocationTags", "cloudwatch:GetMetricData"])
    resources = ["*"]
  }
  statement {
    sid = "Api"
    actions = ["apigateway:DELETE", "apigateway:GET", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT",
    "apigateway:UpdateRestApiPolicy"]
    resources = [for path in local.api_paths : "arn:${local.partition}:apigateway:${var.region}::/${path}"]
  }
  statement {
    sid       = "NewApi"
    actions   = ["apigateway:POST"]
    resources = [for path in ["restapis", "apis", "apikeys", "usageplans"] : "arn:${local.partition}:apigateway:${var.region}::/${path}"]
  }
  statement {
    sid       = "Mappings"
    actions   = ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping"]
    resources = ["*"]

    condition {
      test     = "ArnLike"
      variable = "lambda:FunctionArn"
      values   = ["arn:${local.partition}:lambda:${local.here}:function:spillway-${each.key}-*"]
    }
  }
  statement {
    sid       = "TagMappings" # when it makes one, too
    actions   = ["lambda:TagResource", "lambda:UntagResource"]
    resources = ["arn:${local.partition}:lambda:${local.here}:event-source-mapping:*"]
  }
  # CloudWatch takes a composite alarm only from a role that may put any, so this role can replace one of another environment.
  statement {
    sid       = "CompositeAlarms"
    actions   = ["cloudwatch:PutCompositeAlarm"]
    resources = ["*"]
  }
  statement {
    sid = "BackupPlans"
    actions = [
      "backup:CreateBackupPlan", "backup:CreateBackupSelection", "backup:DeleteBackupPlan", "backup:DeleteBackupSelection",
      "backup:TagResource", "backup:UntagResource", "backup:UpdateBackupPlan",
    ]
    resources = ["arn:${local.partition}:backup:${local.here}:backup-plan:*"]
  }
  statement {
    sid = "WithoutAResource"
    actions = [
      "backup-storage:MountCapsule", "logs:DeleteQueryDefinition", "logs:PutQueryDefinition", "resource-groups:CreateGroup",
      "sns:Unsubscribe",
    ]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [var.region]
    }
  }
  dynamic "statement" {
    for_each = [local.another_environment[each.key]]
    content {
      sid       = "NeverAnotherEnvironment"
      effect    = "Deny"
      actions   = statement.value.actions
      resources = ["*"]

      dynamic "condition" {
        for_each = statement.value.conditions
        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

# An ARN with only an id does not show the environment, but the tags do. Children of an API inherit its tags.
locals {
  another_environment = { for environment in var.environments : environment => {
    actions = ["acm:*", "apigateway:*", "application-autoscaling:*", "backup:*", "ec2:*", "kms:*", "lambda:*", "wafv2:*"]
    conditions = [
      { test = "StringEquals", variable = "aws:ResourceTag/Project", values = ["spillway"] },
      { test = "Null", variable = "aws:ResourceTag/Environment", values = ["false"] },
      { test = "StringNotEquals", variable = "aws:ResourceTag/Environment", values = [environment] },
    ]
  } }
}

# Roles: made within the boundary alone, handed to the services that the pipeline consists of, and never these.
data "aws_iam_policy_document" "roles" {
  for_each = var.environments

  statement {
    sid       = "MakeRolesWithinTheBoundary"
    actions   = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
    resources = ["arn:${local.partition}:iam::${local.account}:role/spillway-${each.key}-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.boundary_arn]
    }
  }
  statement {
    sid       = "KnowItself"
    actions   = ["iam:GetRole"]
    resources = ["arn:${local.partition}:iam::${local.account}:role/spillway-delivery-apply-${each.key}"]
  }
  statement {
    sid       = "HandRolesToServices"
    actions   = ["iam:PassRole"]
    resources = ["arn:${local.partition}:iam::${local.account}:role/spillway-${each.key}-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["backup.amazonaws.com", "firehose.amazonaws.com", "lambda.amazonaws.com", "vpc-flow-logs.amazonaws.com"]
    }
  }
  statement {
    sid    = "NeverTheDeliveryItself"
    effect = "Deny"
    actions = [for verb in ["Add", "Attach", "Create", "Delete", "Detach", "Pass", "Put", "Remove", "Set", "Tag", "Untag", "Update"] :
    "iam:${verb}*"]
    resources = ["arn:${local.partition}:iam::${local.account}:role/spillway-delivery-*", "arn:${local.partition}:iam::${local.account}:policy/spillway-*"]
  }
  statement {
    sid       = "NeverWithoutTheBoundary"
    effect    = "Deny"
    actions   = ["iam:DeleteRolePermissionsBoundary"]
    resources = ["arn:${local.partition}:iam::${local.account}:role/*"]
  }
}
