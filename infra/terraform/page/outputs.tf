output "pages" {
  description = "The composite alarms by their keys."
  value       = aws_cloudwatch_composite_alarm.this
}
