# GitHub's identity provider: a job proves which repository and environment it is of; no key is kept anywhere.
locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  here      = "${var.region}:${local.account}"
  issuer    = "token.actions.githubusercontent.com"

  # Made from their names, so that a plan shows every document whole.
  provider_arn = "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.issuer}"
  boundary_arn = "arn:${local.partition}:iam::${local.account}:policy/spillway-boundary"
}

# An account holds one provider of this address; where another project made it, it is used as it stands.
resource "aws_iam_openid_connect_provider" "github" {
  count = var.oidc_provider_exists ? 0 : 1

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

# Whose token each role takes: a pull request may plan, a job in an environment may apply there.
locals {
  subjects = merge(
    { plan = ["repo:${var.repository}:pull_request"] },
    { for environment in var.environments : environment => ["repo:${var.repository}:environment:${environment}"] },
  )
}

data "aws_iam_policy_document" "trust" {
  for_each = local.subjects

  # checkov:skip=CKV_AWS_358:each subject is exact, the repository's pull requests or one environment; it cannot see into for_each

  statement {
    sid     = "GitHubActions"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = each.value
    }
  }
}

moved {
  from = aws_iam_openid_connect_provider.github
  to   = aws_iam_openid_connect_provider.github[0]
}
