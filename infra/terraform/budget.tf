# What a month may cost, by the tag Deployment. AWS counts a tag only once the account has activated it as a cost
# allocation tag (Billing, Cost allocation tags); `spillway deploy` says so while it is not.
locals {
  budget_alerts = {
    half     = { type = "ACTUAL", percent = 50 }
    most     = { type = "ACTUAL", percent = 80 }
    all      = { type = "ACTUAL", percent = 100 }
    forecast = { type = "FORECASTED", percent = 100 }
  }
}

resource "aws_budgets_budget" "month" {
  name         = local.prefix
  budget_type  = "COST"
  limit_amount = format("%.1f", local.settings.monitoring.monthly_budget_dollars)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:Deployment$%s", local.prefix)]
  }

  dynamic "notification" {
    for_each = local.budget_alerts
    content {
      notification_type         = notification.value.type
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value.percent
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [local.topic_arns.low]
    }
  }

  depends_on = [aws_sns_topic_policy.this] # Budgets tries whether it may publish
}

# An option: everything in the account, with or without tags.
resource "aws_budgets_budget" "account" {
  count = var.account_budget_dollars == null ? 0 : 1

  name         = "${local.prefix}-account"
  budget_type  = "COST"
  limit_amount = format("%.1f", var.account_budget_dollars)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    for_each = local.budget_alerts
    content {
      notification_type         = notification.value.type
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value.percent
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [local.topic_arns.low]
    }
  }

  depends_on = [aws_sns_topic_policy.this]
}
