# What the functions count themselves (producers/telemetry.py): events, by what became of them.
locals {
  counted = { for function in keys(local.functions) : function => { service = function, function = local.function_names[function] } }
  own     = { namespace = "Spillway", statistic = "Sum", threshold = 0 }
  refused = { for reason in ["idempotency_key_reused", "idempotency_unavailable", "in_progress"] :
  reason => merge(local.counted.http_api, { reason = reason }) }

  event_alarms = {
    events-rejected = {
      what       = "Over ${100 * local.thresholds.rejected_share} % of events are rejected as invalid."
      severity   = "low"
      part       = "intake"
      threshold  = local.thresholds.rejected_share
      periods    = 15
      datapoints = 10
      queries = {
        rejected = { namespace = "Spillway", metric = "RejectedEvents", dimensions = local.counted.http_api }
        accepted = { namespace = "Spillway", metric = "AcceptedEvents", dimensions = local.counted.http_api }
        share = {
          expression  = "FILL(rejected, 0) / (FILL(rejected, 0) + FILL(accepted, 0))"
          label       = "share of events that is rejected"
          return_data = true
        }
      }
    }
    events-throttled = {
      what       = "Over ${100 * local.thresholds.throttled_share} % of valid events are not taken by the stream; clients must send them again."
      severity   = "high"
      part       = "intake"
      threshold  = local.thresholds.throttled_share
      periods    = 5
      datapoints = 3
      queries = {
        throttled = { namespace = "Spillway", metric = "ThrottledEvents", dimensions = local.counted.http_api }
        accepted  = { namespace = "Spillway", metric = "AcceptedEvents", dimensions = local.counted.http_api }
        share = {
          expression  = "FILL(throttled, 0) / (FILL(throttled, 0) + FILL(accepted, 0))"
          label       = "share of events that the stream does not take"
          return_data = true
        }
      }
    }
    put-retries = merge(local.own, {
      what       = "Records are put on the stream more than once before it takes them."
      severity   = "low"
      part       = "intake"
      metric     = "PutRecordsRetries"
      dimensions = local.counted.http_api
      periods    = 15
      datapoints = 10
    })
    idempotency-unavailable = merge(local.own, {
      what       = "Keys of requests cannot be kept; clients that send one are answered with 503."
      severity   = "high"
      part       = "intake"
      metric     = "RejectedEventsByReason"
      dimensions = local.refused.idempotency_unavailable
      periods    = 5
      datapoints = 3
    })
    idempotency-conflicts = {
      what      = "A client uses an Idempotency-Key for different requests, or sends again before it has its answer."
      severity  = "low"
      part      = "intake"
      threshold = local.thresholds.idempotency_conflicts
      queries = {
        reused      = { namespace = "Spillway", metric = "RejectedEventsByReason", dimensions = local.refused.idempotency_key_reused, period = 300 }
        in_progress = { namespace = "Spillway", metric = "RejectedEventsByReason", dimensions = local.refused.in_progress, period = 300 }
        conflicts   = { expression = "FILL(reused, 0) + FILL(in_progress, 0)", label = "conflicts", return_data = true }
      }
    }
    events-poison = merge(local.own, {
      what       = "Events can never be written to the table; they are dead letters."
      severity   = "low"
      part       = "table"
      metric     = "PoisonEvents"
      dimensions = local.counted.table_writer
      period     = 300
    })
    events-unwritten = merge(local.own, {
      what       = "Events are not written within an invocation, and delivered again."
      severity   = "low"
      part       = "table"
      metric     = "UnwrittenEvents"
      dimensions = local.counted.table_writer
      periods    = 15
      datapoints = 10
    })
    dead-letters-unsent = merge(local.own, {
      what       = "Dead letters cannot be sent, so the shard does not move on."
      severity   = "high"
      part       = "table"
      metric     = "UnsentDeadLetters"
      dimensions = local.counted.table_writer
      periods    = 10
      datapoints = 3
    })
    archive-no-events = merge(local.own, {
      what       = "Records on the stream are not events; Firehose keeps them as error objects."
      severity   = "low"
      part       = "lake"
      metric     = "FailedEvents"
      dimensions = local.counted.firehose_transform
      period     = 300
    })
    hours-uncompacted = merge(local.own, {
      what       = "Hours of the lake cannot be compacted; queries read their small files."
      severity   = "low"
      part       = "lake"
      metric     = "FailedHours"
      dimensions = local.counted.compactor
      period     = 3600
    })
    messages-unarchived = merge(local.own, {
      what       = "Messages cannot be archived, and stay in the queue."
      severity   = "low"
      part       = "dead-letters"
      metric     = "UnarchivedMessages"
      dimensions = local.counted.dead_letter_archiver
      periods    = 5
      datapoints = 3
    })
    records-lost = merge(local.own, {
      what       = "Records expired before they could be archived."
      severity   = "high"
      part       = "loss"
      metric     = "LostRecords"
      dimensions = local.counted.dead_letter_archiver
    })
  }
}
