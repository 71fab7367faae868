# Composite alarms: each is raised while one of the alarms in it is, and notifies once.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

resource "aws_cloudwatch_composite_alarm" "this" {
  for_each = var.pages

  alarm_name        = "${var.prefix}-${each.key}"
  alarm_description = each.value.what
  alarm_rule        = join(" OR ", [for alarm in each.value.alarms : "ALARM(\"${var.prefix}-${alarm}\")"])
  alarm_actions     = each.value.topic_arn == null ? null : [each.value.topic_arn]
  ok_actions        = each.value.topic_arn != null && each.value.tells_end ? [each.value.topic_arn] : null

  dynamic "actions_suppressor" {
    for_each = each.value.behind == null ? [] : ["${var.prefix}-${each.value.behind}"]
    content {
      alarm            = actions_suppressor.value
      wait_period      = var.suppression_seconds
      extension_period = var.suppression_seconds
    }
  }
}
