# The dead-letter queue and the queue behind it. Messages that SQS moves by itself (redrive) are not counted as sent, so
# the parked ones are watched by their number.
locals {
  queue_metric  = { namespace = "AWS/SQS", dimensions = { QueueName = local.names.dead_letter_queue }, part = "dead-letters" }
  parked_metric = { namespace = "AWS/SQS", dimensions = { QueueName = local.names.parked_queue } }

  queue_alarms = {
    dead-letters-sent = merge(local.queue_metric, {
      what      = "Dead letters were sent: by the table writer, or by its mapping, which gave a batch up."
      part      = "table" # who sends them
      severity  = "low"
      metric    = "NumberOfMessagesSent"
      statistic = "Sum"
      threshold = 0
      period    = 300
    })
    dead-letters-waiting = merge(local.queue_metric, {
      what      = "Over ${local.thresholds.dead_letters_waiting} messages wait to be archived."
      severity  = "low"
      metric    = "ApproximateNumberOfMessagesVisible"
      statistic = "Maximum"
      threshold = local.thresholds.dead_letters_waiting
      periods   = 15
    })
    dead-letters-oldest = merge(local.queue_metric, {
      what      = "A message has waited over ${local.thresholds.dead_letter_age_seconds} seconds; what one points to in the stream expires."
      severity  = "high"
      metric    = "ApproximateAgeOfOldestMessage"
      statistic = "Maximum"
      threshold = local.thresholds.dead_letter_age_seconds
      periods   = 5
    })
    parked-messages = merge(local.parked_metric, {
      what      = "The archiver gave messages up, and they are parked; SQS does not count them as sent."
      severity  = "high"
      part      = "dead-letters"
      metric    = "ApproximateNumberOfMessagesVisible"
      statistic = "Maximum"
      threshold = 0
    })
    parked-expiring = merge(local.parked_metric, {
      what = join("", [
        "A parked message has used ${100 * local.thresholds.parked_age_share} % of its ",
        "${local.settings.dead_letters.retention_days} days; then SQS deletes it.",
      ])
      severity  = "high"
      part      = "loss"
      metric    = "ApproximateAgeOfOldestMessage"
      statistic = "Maximum"
      threshold = local.thresholds.parked_age_share * local.dead_letter_retention_seconds
      period    = 300
    })
  }
}
