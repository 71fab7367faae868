output "name" {
  description = "The bucket's name."
  value       = aws_s3_bucket.this.id
}

output "arn" {
  description = "Its ARN."
  value       = aws_s3_bucket.this.arn
}

output "policy" {
  description = "Its policy, as JSON."
  value       = data.aws_iam_policy_document.this.json
}
