# Assumed for pull requests: it reads configuration, no events, and changes nothing.
resource "aws_iam_role" "plan" {
  name                 = "spillway-delivery-plan"
  description          = "Plans Spillway for pull requests of ${var.repository}; changes nothing"
  assume_role_policy   = data.aws_iam_policy_document.trust["plan"].json
  max_session_duration = 3600

  depends_on = [aws_iam_openid_connect_provider.github]
}

resource "aws_iam_role_policy" "plan" {
  name   = "read"
  role   = aws_iam_role.plan.name
  policy = data.aws_iam_policy_document.plan.json
}

resource "aws_iam_role_policy" "plan_state" {
  name   = "state"
  role   = aws_iam_role.plan.name
  policy = data.aws_iam_policy_document.state["plan"].json
}

data "aws_iam_policy_document" "plan" {
  # checkov:skip=CKV_AWS_356:these reads know no resource, or one whose id only AWS gives

  dynamic "statement" {
    for_each = local.services["*"]
    content {
      sid       = "Read${replace(title(statement.key), "-", "")}"
      actions   = statement.value.reads
      resources = [for arn in statement.value.arns : "arn:${local.partition}:${arn}"]
    }
  }
  statement {
    sid       = "ReadWhatHasNoNameOfOurs"
    actions   = local.unnamed_reads
    resources = ["*"]
  }
}
