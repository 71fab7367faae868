# Questions to the logs that come up while something fails; in the console under Logs Insights, Saved queries.
locals {
  function_logs = { for function, name in local.function_names : function => "/aws/lambda/${name}" }

  log_queries = {
    "what fails" = {
      groups = values(local.function_logs)
      query  = <<-QUERY
        fields @timestamp, service, level, message, error, @requestId
        | filter level in ["WARNING", "ERROR", "CRITICAL"] or @message like /Task timed out|Traceback|Runtime.ExitError/
        | sort @timestamp desc
        | limit 100
      QUERY
    }
    "one request" = {
      groups = values(local.function_logs)
      query  = <<-QUERY
        fields @timestamp, service, level, message, error
        | filter @message like /REQUEST_ID/
        | sort @timestamp asc
      QUERY
    }
    "rejected events by reason" = {
      groups = [local.function_logs.http_api]
      query  = <<-QUERY
        filter ispresent(RejectedEventsByReason)
        | stats sum(RejectedEventsByReason) as events by reason, bin(5m)
        | sort events desc
      QUERY
    }
    "events not taken by the stream" = {
      groups = [local.function_logs.http_api]
      query  = <<-QUERY
        fields @timestamp, request_id, events, error
        | filter message = "the stream did not take events"
        | sort @timestamp desc
        | limit 100
      QUERY
    }
    "what the table writer does" = {
      groups = [local.function_logs.table_writer]
      query  = <<-QUERY
        stats sum(WrittenEvents) as written, sum(UnwrittenEvents) as unwritten, sum(PoisonEvents) as poison, sum(UnsentDeadLetters) as unsent by bin(5m)
      QUERY
    }
    "slow invocations" = {
      groups = values(local.function_logs)
      query  = <<-QUERY
        filter @type = "REPORT"
        | stats count() as invocations, pct(@duration, 50) as p50_ms, pct(@duration, 99) as p99_ms, max(@maxMemoryUsed / 1000 / 1000) as memory_mb by @log
      QUERY
    }
    "cold starts" = {
      groups = values(local.function_logs)
      query  = <<-QUERY
        filter @type = "REPORT" and ispresent(@initDuration)
        | stats count() as starts, pct(@initDuration, 50) as p50_ms, max(@initDuration) as longest_ms by @log
      QUERY
    }
    "why firehose fails" = {
      groups = [aws_cloudwatch_log_group.firehose.name]
      query  = <<-QUERY
        fields @timestamp, errorCode, errorMessage
        | sort @timestamp desc
        | limit 100
      QUERY
    }
  }

  # Where access logs are on (api.tf).
  access_queries = {
    "refused requests" = <<-QUERY
      filter status >= 400
      | stats count() as requests by status, `error.responseType`, path
      | sort requests desc
    QUERY
    "slow requests"    = <<-QUERY
      stats pct(responseLatency, 50) as p50_ms, pct(responseLatency, 99) as p99_ms, count() as requests by path, bin(5m)
    QUERY
  }
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = merge(
    local.log_queries,
    { for name, query in local.access_queries : name => { groups = aws_cloudwatch_log_group.access[*].name, query = query } if var.access_logs },
  )

  name            = "${local.prefix}/${each.key}"
  log_group_names = each.value.groups
  query_string    = trimspace(each.value.query)
}
