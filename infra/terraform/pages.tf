# Who is told, and once. A part of the pipeline has a composite alarm of each severity; what fails behind a part that
# fails already, and early warnings while someone is awake, wait until that is over.
locals {
  topics = {
    high = "Someone is woken: data is at risk, or clients fail"
    low  = "Read in working hours: early warnings"
  }
  topic_arns = { for severity in keys(local.topics) : severity => "arn:${local.partition}:sns:${local.here}:${local.prefix}-${severity}" }

  # By part: what it is, and behind which part's fault its own page waits.
  pages = {
    intake       = { what = "Clients cannot post, or are answered slowly", behind = null }
    table        = { what = "Events do not reach the table", behind = "intake" }
    lake         = { what = "Events do not reach the lake", behind = "table" }
    dead-letters = { what = "What failed is not kept, or not as it should be", behind = "table" }
    loss         = { what = "Events are lost, or about to be", behind = null }
  }
  page_alarms = { for page in flatten([for part in keys(local.pages) : [for severity in keys(local.topics) : { part = part, severity = severity }]]) :
    "${page.part}-${page.severity}" => merge(page, {
      alarms = [for key, alarm in local.alarms : key if alarm.part == page.part && alarm.severity == page.severity]
    })
  }
  high_pages = { for key, page in local.page_alarms : key => page if page.severity == "high" && length(page.alarms) > 0 }
  low_pages  = { for key, page in local.page_alarms : key => page if page.severity == "low" && length(page.alarms) > 0 }

  suppression_seconds = 180 # the later of two alarms of one fault may take so much longer to be raised
}

resource "aws_sns_topic" "this" {
  for_each = local.topics

  name              = "${local.prefix}-${each.key}"
  display_name      = "Spillway ${var.environment} (${each.key})"
  kms_master_key_id = aws_kms_key.this.key_id
}

resource "aws_sns_topic_policy" "this" {
  for_each = local.topics

  arn    = aws_sns_topic.this[each.key].arn
  policy = data.aws_iam_policy_document.topic[each.key].json
}

data "aws_iam_policy_document" "topic" {
  for_each = local.topics

  statement {
    sid       = "AlarmsAndBudgetsOfThisAccount"
    actions   = ["sns:Publish"]
    resources = [local.topic_arns[each.key]]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [local.topic_arns[each.key]]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic_subscription" "email" {
  for_each = { for one in flatten([for severity, addresses in var.alarm_emails : [for address in addresses : { topic = severity, address = address }]]) :
  "${one.topic} ${one.address}" => one }

  topic_arn = aws_sns_topic.this[each.value.topic].arn
  protocol  = "email"
  endpoint  = each.value.address
}

# CloudWatch makes a composite alarm only of alarms that stand, so those behind come after those in front.
resource "aws_cloudwatch_composite_alarm" "front" {
  for_each = { for key, page in local.high_pages : key => page if local.pages[page.part].behind == null }

  alarm_name        = "${local.prefix}-${each.key}"
  alarm_description = "${local.pages[each.value.part].what}. The alarms in it say which; each names its runbook."
  alarm_rule        = join(" OR ", [for key in each.value.alarms : "ALARM(\"${local.prefix}-${key}\")"])
  alarm_actions     = [aws_sns_topic.this["high"].arn]
  ok_actions        = [aws_sns_topic.this["high"].arn]

  depends_on = [aws_cloudwatch_metric_alarm.this]
}

resource "aws_cloudwatch_composite_alarm" "table" {
  alarm_name        = "${local.prefix}-table-high"
  alarm_description = "${local.pages.table.what}. The alarms in it say which; each names its runbook."
  alarm_rule        = join(" OR ", [for key in local.high_pages.table-high.alarms : "ALARM(\"${local.prefix}-${key}\")"])
  alarm_actions     = [aws_sns_topic.this["high"].arn]
  ok_actions        = [aws_sns_topic.this["high"].arn]

  actions_suppressor {
    alarm            = aws_cloudwatch_composite_alarm.front["intake-high"].alarm_name
    wait_period      = local.suppression_seconds
    extension_period = local.suppression_seconds
  }

  depends_on = [aws_cloudwatch_metric_alarm.this]
}

resource "aws_cloudwatch_composite_alarm" "behind" {
  for_each = { for key, page in local.high_pages : key => page if local.pages[page.part].behind == "table" }

  alarm_name        = "${local.prefix}-${each.key}"
  alarm_description = "${local.pages[each.value.part].what}. The alarms in it say which; each names its runbook."
  alarm_rule        = join(" OR ", [for key in each.value.alarms : "ALARM(\"${local.prefix}-${key}\")"])
  alarm_actions     = [aws_sns_topic.this["high"].arn]
  ok_actions        = [aws_sns_topic.this["high"].arn]

  actions_suppressor {
    alarm            = aws_cloudwatch_composite_alarm.table.alarm_name
    wait_period      = local.suppression_seconds
    extension_period = local.suppression_seconds
  }

  depends_on = [aws_cloudwatch_metric_alarm.this]
}

# Whether someone is awake. It tells nobody; deployments and early warnings look at it.
resource "aws_cloudwatch_composite_alarm" "any_high" {
  alarm_name        = "${local.prefix}-any-high"
  alarm_description = "An alarm of severity high is raised. A deployment rolls back, and early warnings wait. Runbook: docs/runbooks/alarms.md"
  alarm_rule        = join(" OR ", [for key in keys(local.high_pages) : "ALARM(\"${local.prefix}-${key}\")"])

  depends_on = [aws_cloudwatch_composite_alarm.front, aws_cloudwatch_composite_alarm.table, aws_cloudwatch_composite_alarm.behind]
}

resource "aws_cloudwatch_composite_alarm" "low" {
  for_each = local.low_pages

  alarm_name        = "${local.prefix}-${each.key}"
  alarm_description = "Early warnings: ${each.value.part}. The alarms in it say which; each names its runbook."
  alarm_rule        = join(" OR ", [for key in each.value.alarms : "ALARM(\"${local.prefix}-${key}\")"])
  alarm_actions     = [aws_sns_topic.this["low"].arn]

  actions_suppressor {
    alarm            = aws_cloudwatch_composite_alarm.any_high.alarm_name
    wait_period      = local.suppression_seconds
    extension_period = local.suppression_seconds
  }

  depends_on = [aws_cloudwatch_metric_alarm.this]
}
