# preamble: offline
# Who may assume which role, and what it may do: plans only, without an account.
variables {
  repository   = "example/spillway"
  state_bucket = "example-state"
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

run "roles" {
  command = plan

  # Only this repository, and only for what it is.

  assert {
    condition = { for who, document in data.aws_iam_policy_document.trust :
      who => one(jsondecode(document.json).Statement).Condition.StringEquals["token.actions.githubusercontent.com:sub"] } == {
      plan = "repo:example/spillway:pull_request"
      dev  = "repo:example/spillway:environment:dev"
      prod = "repo:example/spillway:environment:prod"
    }
    error_message = "Someone else may assume a role."
  }
  assert {
    condition = alltrue([for document in data.aws_iam_policy_document.trust :
    one(jsondecode(document.json).Statement).Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"])
    error_message = "Tokens for others than AWS are taken."
  }

  # The plan role reads, and reads no events. What it may decrypt are the settings of functions, see test_delivery_roles.py.

  assert {
    condition = alltrue(flatten([for document in concat(values(local.plan_documents), [data.aws_iam_policy_document.state["plan"].json]) : [
      for statement in jsondecode(document).Statement : [for action in flatten([statement.Action]) :
      can(regex(":(Get|List|Describe|View|GET)", action)) || action == "kms:Decrypt"] if statement.Effect == "Allow"
    ]]))
    error_message = "The plan role may change something."
  }
  assert {
    condition = length(setintersection(toset(flatten([for document in values(local.plan_documents) : [
      for statement in jsondecode(document).Statement : statement.Action]])), [
      "s3:GetObject", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "kinesis:GetRecords", "sqs:ReceiveMessage", "athena:GetQueryResults",
    ])) == 0
    error_message = "The plan role may read events."
  }

  # An apply role makes its own environment alone, and neither reads nor writes events.

  assert {
    condition = alltrue(flatten([for part in keys(local.service_parts) : [
      for statement in jsondecode(data.aws_iam_policy_document.services["dev ${part}"].json).Statement : [
        for resource in flatten([statement.Resource]) : can(regex("spillway[-_]dev", resource)) || endswith(resource, ":catalog")
      ]
    ]]))
    error_message = "The apply role of dev may change another environment."
  }
  assert {
    condition = length(setintersection(toset(flatten([for part in keys(local.service_parts) : [
      for statement in jsondecode(data.aws_iam_policy_document.services["prod ${part}"].json).Statement : statement.Action
      ]])), [
      "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:Scan", "kinesis:PutRecords",
      "kinesis:GetRecords", "sqs:ReceiveMessage", "lambda:InvokeFunction", "sns:Publish",
    ])) == 0
    error_message = "An apply role may read or write events."
  }
  assert {
    condition = alltrue(flatten([for document in values(local.apply_documents) : [
      for statement in jsondecode(document).Statement : [for action in flatten([statement.Action]) : !endswith(action, ":*")]
      if statement.Effect == "Allow"
    ]]))
    error_message = "A role is allowed every action of a service."
  }
  assert {
    condition = alltrue([for policy in concat(values(aws_iam_policy.apply), values(aws_iam_policy.plan)) : length(policy.policy) <= 6144]) && alltrue([
    for environment in var.environments : length([for key in keys(local.apply_documents) : key if startswith(key, "${environment} ")]) <= 10])
    error_message = "A policy is larger than IAM takes, or a role has more than ten."
  }

  # Roles are made within the boundary, and the delivery does not change itself.

  assert {
    condition = alltrue([for document in data.aws_iam_policy_document.roles :
      one([for statement in jsondecode(document.json).Statement : statement.Condition.StringEquals["iam:PermissionsBoundary"]
    if statement.Sid == "MakeRolesWithinTheBoundary"]) == local.boundary_arn])
    error_message = "A role can be made without the boundary."
  }
  assert {
    condition = alltrue([for document in data.aws_iam_policy_document.roles :
      toset([for statement in jsondecode(document.json).Statement : statement.Sid if statement.Effect == "Deny"])
      == toset(["NeverTheDeliveryItself", "NeverWithoutTheBoundary"])
    ])
    error_message = "The delivery may change itself, or take the boundary away."
  }
  assert {
    condition     = !strcontains(data.aws_iam_policy_document.boundary.json, "\"iam:") && !strcontains(data.aws_iam_policy_document.boundary.json, "\"sts:")
    error_message = "A role of the pipeline may change roles, or assume others."
  }
}

# Read by test_delivery_roles.py.
run "every_option" {
  command = plan

  variables {
    oidc_provider_exists = true
    options = [
      "access_logs", "domain", "lambda_authorizer", "provisioned_concurrency", "table_capacity",
      "table_replica_region", "vpc_cidr", "waf",
    ]
  }

  assert {
    # IAM does not count white space.
    condition = alltrue([for policy in concat(values(aws_iam_policy.apply), values(aws_iam_policy.plan)) :
    length(jsonencode(jsondecode(policy.policy))) <= 6144])
    error_message = "A policy is larger than IAM takes."
  }
  assert {
    condition     = toset(keys(local.options)) == var.options
    error_message = "An option is not tested."
  }
}

run "what_cannot_be_is_refused" {
  command = plan

  variables {
    repository   = "spillway"
    environments = ["delivery"]
    options      = ["everything"]
  }

  expect_failures = [var.repository, var.environments, var.options]
}

# The roles of dev would reach what is of dev-x.
run "an_environment_with_a_hyphen_is_refused" {
  command = plan

  variables {
    environments = ["dev", "dev-x"]
  }

  expect_failures = [var.environments]
}

run "a_plan_is_of_an_environment" {
  command = plan

  variables {
    plan_environment = "test"
  }

  expect_failures = [var.plan_environment]
}
