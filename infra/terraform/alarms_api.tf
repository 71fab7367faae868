# What clients meet at API Gateway.
locals {
  api_dimensions = merge(local.door.dimension, { Stage = local.stage_name })
  api_errors     = local.is_http_api ? { client = "4xx", server = "5xx" } : { client = "4XXError", server = "5XXError" }
  api_metric     = { namespace = "AWS/ApiGateway", dimensions = local.api_dimensions, part = "intake" }

  api_alarms = {
    api-5xx = merge(local.api_metric, {
      what       = "Over ${100 * local.thresholds.http_error_share} % of requests are answered with 5xx."
      severity   = "high"
      metric     = local.api_errors.server
      statistic  = "Average" # of 0 and 1, so the share
      threshold  = local.thresholds.http_error_share
      periods    = 5
      datapoints = 3
    })
    api-4xx = merge(local.api_metric, {
      what       = "Over ${100 * local.thresholds.http_refused_share} % of requests are answered with 4xx."
      severity   = "low"
      metric     = local.api_errors.client
      statistic  = "Average"
      threshold  = local.thresholds.http_refused_share
      periods    = 15
      datapoints = 10
    })
    api-too-many = merge(local.api_metric, {
      what       = "Requests come near the rate of the stage, over which they are answered with 429."
      severity   = "low"
      metric     = "Count"
      statistic  = "Sum"
      threshold  = local.thresholds.http_rate_share * local.settings.http.rate_per_second * 60
      periods    = 5
      datapoints = 3
    })
    api-latency = merge(local.api_metric, {
      what       = "The slowest hundredth of requests takes over ${local.thresholds.http_latency_p99_seconds} seconds."
      severity   = "low"
      metric     = "Latency"
      percentile = "p99"
      threshold  = 1000 * local.thresholds.http_latency_p99_seconds
      periods    = 5
      datapoints = 3
    })
    # What is few depends on the hour; the band is learnt from two weeks.
    api-too-few = {
      what       = "Fewer requests come than at this time of other days."
      severity   = "low"
      part       = "intake"
      comparison = "LessThanLowerThreshold"
      band       = "expected"
      missing    = var.steady_traffic ? "breaching" : "notBreaching" # API Gateway counts no zero where no request comes
      periods    = 3
      queries = {
        requests = { namespace = "AWS/ApiGateway", metric = "Count", dimensions = local.api_dimensions, period = 300, return_data = true }
        expected = { expression = "ANOMALY_DETECTION_BAND(requests, ${local.thresholds.http_anomaly_width})", label = "expected", return_data = true }
      }
    }
  }
}
