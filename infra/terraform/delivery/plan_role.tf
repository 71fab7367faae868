# Assumed for pull requests: it reads the configuration of one environment, no events, and changes nothing.
resource "aws_iam_role" "plan" {
  name                 = "spillway-delivery-plan"
  description          = "Plans Spillway ${var.plan_environment} for pull requests of ${var.repository}; changes nothing"
  assume_role_policy   = data.aws_iam_policy_document.trust["plan"].json
  max_session_duration = 3600

  depends_on = [aws_iam_openid_connect_provider.github]
}

resource "aws_iam_role_policy" "plan_state" {
  name   = "state"
  role   = aws_iam_role.plan.name
  policy = data.aws_iam_policy_document.state["plan"].json
}

# Managed and two, since a managed policy holds 6,144 characters, and the inline ones of a role 10,240 together.
locals {
  plan_documents = {
    services = data.aws_iam_policy_document.plan.json
    unnamed  = data.aws_iam_policy_document.plan_unnamed.json
  }
}

resource "aws_iam_policy" "plan" {
  for_each = local.plan_documents

  name        = "spillway-delivery-plan-${each.key}"
  description = "What planning Spillway ${var.plan_environment} takes"
  policy      = each.value
}

resource "aws_iam_role_policy_attachment" "plan" {
  for_each = local.plan_documents

  role       = aws_iam_role.plan.name
  policy_arn = aws_iam_policy.plan[each.key].arn
}

data "aws_iam_policy_document" "plan" {
  dynamic "statement" {
    for_each = local.services[var.plan_environment]
    content {
      sid       = "Read${replace(title(statement.key), "-", "")}"
      actions   = statement.value.reads
      resources = [for arn in statement.value.arns : "arn:${local.partition}:${arn}"]
    }
  }
}

data "aws_iam_policy_document" "plan_unnamed" {
  # checkov:skip=CKV_AWS_356:these reads know no resource, or one whose id only AWS gives

  dynamic "statement" {
    for_each = { for each in flatten([for option in var.options : [for n, grant in local.options[option] :
      { sid = "${replace(title(replace(option, "_", " ")), " ", "")}${n}", grant = grant } if length(grant.reads) > 0]]) :
    each.sid => each.grant }
    content {
      sid     = "Read${statement.key}"
      actions = statement.value.reads
      resources = [for arn in statement.value.arns :
      arn == "*" ? arn : replace("arn:${local.partition}:${arn}", "ENVIRONMENT", var.plan_environment)]
    }
  }
  statement {
    sid       = "ReadWhatHasNoNameOfOurs"
    actions   = local.unnamed_reads
    resources = ["*"]
  }
  statement {
    sid       = "KnowItself"
    actions   = ["iam:GetRole"]
    resources = ["arn:${local.partition}:iam::${local.account}:role/spillway-delivery-plan"]
  }
  statement {
    sid       = "ReadApi"
    actions   = ["apigateway:GET"]
    resources = [for path in local.api_paths : "arn:${local.partition}:apigateway:${var.region}::/${path}"]
  }
  # Lambda shows a function's settings only to who may decrypt them; without it every plan would change them.
  statement {
    sid       = "ReadSettingsOfFunctions"
    actions   = ["kms:Decrypt"]
    resources = [local.key_arns]

    dynamic "condition" {
      for_each = { "aws:ResourceTag/Environment" = var.plan_environment, "kms:ViaService" = "lambda.${var.region}.amazonaws.com" }
      content {
        test     = "StringEquals"
        variable = condition.key
        values   = [condition.value]
      }
    }
  }
  dynamic "statement" {
    for_each = [local.another_environment[var.plan_environment]]
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
