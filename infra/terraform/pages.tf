# Who is notified, and once. A part of the pipeline has a composite alarm of each severity; what fails behind a part
# that fails already, and early warnings while someone is awake, wait until that is over.
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
  page_alarms = { for page in flatten([for part in keys(local.pages) : [
    for severity in keys(local.topics) : { part = part, severity = severity }]]) :
    "${page.part}-${page.severity}" => merge(page, {
      alarms = [for key, alarm in local.alarms : key if alarm.part == page.part && alarm.severity == page.severity]
    })
  }
  high_pages = { for key, page in local.page_alarms : key => page if page.severity == "high" && length(page.alarms) > 0 }
  low_pages  = { for key, page in local.page_alarms : key => page if page.severity == "low" && length(page.alarms) > 0 }
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
  for_each = { for one in flatten([for severity, addresses in var.alarm_emails : [
    for address in addresses : { topic = severity, address = address }]]) :
  "${one.topic} ${one.address}" => one }

  topic_arn = aws_sns_topic.this[each.value.topic].arn
  protocol  = "email"
  endpoint  = each.value.address
}

# Of a part of the pipeline; what it says of itself.
locals {
  high_text = { for key, page in local.high_pages :
  key => "${local.pages[page.part].what}. The alarms in it say which; each names its runbook." }
  high_topic = aws_sns_topic.this["high"].arn
}

# CloudWatch makes a composite alarm only of alarms that exist, so those behind come after those in front.
module "front_pages" {
  source = "./page"

  prefix = local.prefix
  pages = { for key, page in local.high_pages : key => {
    what      = local.high_text[key]
    alarms    = page.alarms
    topic_arn = local.high_topic
  } if local.pages[page.part].behind == null }

  depends_on = [module.alarms]
}

module "table_page" {
  source = "./page"

  prefix = local.prefix
  pages = { table-high = {
    what      = local.high_text["table-high"]
    alarms    = local.high_pages["table-high"].alarms
    topic_arn = local.high_topic
    behind    = "intake-high"
  } }

  depends_on = [module.front_pages]
}

module "pages_behind" {
  source = "./page"

  prefix = local.prefix
  pages = { for key, page in local.high_pages : key => {
    what      = local.high_text[key]
    alarms    = page.alarms
    topic_arn = local.high_topic
    behind    = "table-high"
  } if local.pages[page.part].behind == "table" }

  depends_on = [module.table_page]
}

# Whether someone is awake. It notifies nobody; deployments and early warnings look at it.
module "any_high" {
  source = "./page"

  prefix = local.prefix
  pages = { any-high = {
    what   = "An alarm of severity high is raised. A deployment rolls back, and early warnings wait. Runbook: docs/runbooks/alarms.md"
    alarms = keys(local.high_pages)
  } }

  depends_on = [module.pages_behind]
}

module "low_pages" {
  source = "./page"

  prefix = local.prefix
  pages = { for key, page in local.low_pages : key => {
    what      = "Early warnings: ${page.part}. The alarms in it say which; each names its runbook."
    alarms    = page.alarms
    topic_arn = aws_sns_topic.this["low"].arn
    tells_end = false
    behind    = "any-high"
  } }

  depends_on = [module.any_high]
}
