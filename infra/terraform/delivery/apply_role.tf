# Assumed by a job in a GitHub environment: it makes that environment of Spillway, and nothing of another.
resource "aws_iam_role" "apply" {
  for_each = var.environments

  name                 = "spillway-delivery-apply-${each.key}"
  description          = "Applies Spillway ${each.key} for ${var.repository}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 7200 # an apply, and ten minutes of a canary

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
  apply_halves = { services-1 = slice(sort(keys(local.services["*"])), 0, 8), services-2 = slice(sort(keys(local.services["*"])), 8, length(local.services["*"])) }
  apply_documents = merge([for environment in var.environments : merge(
    { for half in keys(local.apply_halves) : "${environment} ${half}" => { environment = environment, name = half, json = data.aws_iam_policy_document.services["${environment} ${half}"].json } },
    { "${environment} unnamed" = { environment = environment, name = "unnamed", json = data.aws_iam_policy_document.unnamed[environment].json } },
    { "${environment} roles" = { environment = environment, name = "roles", json = data.aws_iam_policy_document.roles[environment].json } },
  )]...)
}

resource "aws_iam_policy" "apply" {
  for_each = local.apply_documents

  name        = "spillway-delivery-apply-${each.value.environment}-${each.value.name}"
  description = "What applying Spillway ${each.value.environment} takes"
  policy      = each.value.json
}

resource "aws_iam_role_policy_attachment" "apply" {
  for_each = local.apply_documents

  role       = aws_iam_role.apply[each.value.environment].name
  policy_arn = aws_iam_policy.apply[each.key].arn
}

data "aws_iam_policy_document" "services" {
  for_each = merge([for environment in var.environments : { for half, names in local.apply_halves :
    "${environment} ${half}" => { for name in names : name => local.services[environment][name] }
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

# What has no name of ours in its ARN: bounded by region, tag or function, where IAM can.
data "aws_iam_policy_document" "unnamed" {
  for_each = var.environments

  # checkov:skip=CKV_AWS_109:keys are bounded by their tags
  # checkov:skip=CKV_AWS_111:these actions know no resource, or one whose id only AWS gives; bounded by tag, function or region
  # checkov:skip=CKV_AWS_356:these actions know no resource, or one whose id only AWS gives

  statement {
    sid       = "Read"
    actions   = concat(local.unnamed_reads, ["backup:ListBackupVaults", "logs:ListLogDeliveries"])
    resources = ["*"]
  }
  statement {
    sid     = "Api"
    actions = ["apigateway:DELETE", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT", "apigateway:UpdateRestApiPolicy"]
    resources = [for path in ["restapis", "restapis/*", "apikeys", "apikeys/*", "usageplans", "usageplans/*", "tags/*"] :
    "arn:${local.partition}:apigateway:${var.region}::/${path}"]
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
    actions = ["kms:CreateAlias", "kms:CreateGrant", "kms:DeleteAlias", "kms:EnableKeyRotation", "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion", "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription"]
    resources = ["arn:${local.partition}:kms:${local.here}:key/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Environment"
      values   = [each.key]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Project"
      values   = ["spillway"]
    }
  }
  statement {
    sid       = "Aliases"
    actions   = ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"]
    resources = ["arn:${local.partition}:kms:${local.here}:alias/spillway-${each.key}"]
  }
  statement {
    sid = "BackupPlansAndQueries"
    actions = ["backup:CreateBackupPlan", "backup:CreateBackupSelection", "backup:DeleteBackupPlan", "backup:DeleteBackupSelection",
      "backup:TagResource", "backup:UpdateBackupPlan", "backup-storage:MountCapsule", "logs:DeleteQueryDefinition",
    "logs:PutQueryDefinition", "resource-groups:CreateGroup"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [var.region]
    }
  }

  dynamic "statement" {
    for_each = { for option, actions in local.option_actions : option => actions if contains(var.options, option) }
    content {
      sid       = "Option${title(statement.key)}"
      actions   = statement.value
      resources = ["*"]
    }
  }
}

# What the pipeline's options take besides.
locals {
  option_actions = {
    authorizer = ["lambda:AddPermission", "lambda:GetPolicy", "lambda:RemovePermission"] # of a function that is not the pipeline's
    domain = ["acm:AddTagsToCertificate", "acm:DeleteCertificate", "acm:DescribeCertificate", "acm:ListTagsForCertificate",
      "acm:RequestCertificate", "apigateway:AddCertificateToDomain", "apigateway:DELETE", "apigateway:PATCH", "apigateway:POST",
    "route53:ChangeResourceRecordSets", "route53:GetChange", "route53:GetHostedZone", "route53:ListResourceRecordSets"]
    scaling = ["application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeregisterScalableTarget",
      "application-autoscaling:PutScalingPolicy", "application-autoscaling:RegisterScalableTarget",
    "application-autoscaling:TagResource", "application-autoscaling:UntagResource"]
    vpc = ["ec2:AssociateRouteTable", "ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateFlowLogs", "ec2:CreateRouteTable",
      "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateTags", "ec2:CreateVpc", "ec2:CreateVpcEndpoint", "ec2:DeleteFlowLogs", "ec2:DeleteRouteTable",
      "ec2:DeleteSecurityGroup", "ec2:DeleteSubnet", "ec2:DeleteVpc", "ec2:DeleteVpcEndpoints", "ec2:DisassociateRouteTable",
    "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"]
    waf = ["apigateway:SetWebACL", "wafv2:AssociateWebACL", "wafv2:CreateWebACL", "wafv2:DeleteLoggingConfiguration", "wafv2:DeleteWebACL",
    "wafv2:DisassociateWebACL", "wafv2:PutLoggingConfiguration", "wafv2:TagResource", "wafv2:UntagResource", "wafv2:UpdateWebACL"]
  }
}

# Roles: made within the boundary alone, handed to the services that the pipeline consists of, and never these.
data "aws_iam_policy_document" "roles" {
  for_each = var.environments

  statement {
    sid       = "MakeRolesWithinTheBoundary"
    actions   = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
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
