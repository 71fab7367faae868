# Dead letters: the queue, the queue behind it, and the function that archives them (archive.dead_letter_archiver).
locals {
  dead_letter_retention_seconds = 86400 * local.settings.dead_letters.retention_days
  archiver_concurrency          = 5 # as many pollers as Lambda begins with
}

resource "aws_sqs_queue" "dead_letters" {
  name                              = local.names.dead_letter_queue
  message_retention_seconds         = local.dead_letter_retention_seconds
  visibility_timeout_seconds        = 6 * local.settings.dead_letters.timeout_seconds # Lambda's advice
  max_message_size                  = 262144                                          # the most that this provider sets, though SQS takes 1 MiB
  kms_master_key_id                 = aws_kms_key.this.arn
  kms_data_key_reuse_period_seconds = 300

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.parked.arn
    maxReceiveCount     = local.settings.dead_letters.max_receive_count
  })
}

# What even the archiver could not take; an alarm watches it.
resource "aws_sqs_queue" "parked" {
  name                              = local.names.parked_queue
  message_retention_seconds         = local.dead_letter_retention_seconds
  max_message_size                  = 262144
  kms_master_key_id                 = aws_kms_key.this.arn
  kms_data_key_reuse_period_seconds = 300
}

resource "aws_sqs_queue_redrive_allow_policy" "parked" {
  queue_url = aws_sqs_queue.parked.url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.dead_letters.arn]
  })
}

resource "aws_sqs_queue_policy" "tls_only" {
  for_each = { dead_letters = aws_sqs_queue.dead_letters, parked = aws_sqs_queue.parked }

  queue_url = each.value.url
  policy    = data.aws_iam_policy_document.queue[each.key].json
}

data "aws_iam_policy_document" "queue" {
  for_each = { dead_letters = local.arns.dead_letter_queue, parked = local.arns.parked_queue }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]

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

resource "aws_lambda_event_source_mapping" "dead_letter_archiver" {
  event_source_arn        = aws_sqs_queue.dead_letters.arn
  function_name           = aws_lambda_alias.live["dead_letter_archiver"].arn
  batch_size              = local.settings.dead_letters.batch_size
  function_response_types = ["ReportBatchItemFailures"]

  # Never more at once than are reserved: a message that is throttled would count as received.
  scaling_config {
    maximum_concurrency = local.archiver_concurrency
  }
}

data "aws_iam_policy_document" "dead_letter_archiver" {
  statement {
    sid       = "ReceiveDeadLetters"
    actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = [local.arns.dead_letter_queue]
  }
  statement {
    sid       = "ReadWhatPointersName"
    actions   = ["kinesis:GetRecords", "kinesis:GetShardIterator"]
    resources = [local.arns.stream]
  }
  # To read: what a redelivered message finds archived already, and must not replace.
  statement {
    sid       = "ArchiveDeadLetters"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.arns.dead_letter_bucket}/dead-letters/*"]
  }
}

module "dead_letter_bucket" {
  source = "./bucket"

  name          = local.names.dead_letter_bucket
  arn           = local.arns.dead_letter_bucket
  key_arn       = aws_kms_key.this.arn
  transitions   = var.storage_transitions
  force_destroy = var.force_destroy
}
