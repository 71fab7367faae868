# preamble: offline
# The buckets: one module, planned by itself.
variables {
  name    = "a-bucket"
  arn     = "arn:aws:s3:::a-bucket"
  key_arn = "arn:aws:kms:eu-west-2:123456789012:key/the-key"
}

run "a_bucket" {
  command = plan

  module {
    source = "./bucket"
  }

  variables {
    transitions     = { STANDARD_IA = 30, GLACIER_IR = 90 }
    expiration_days = 365
  }

  # A bucket is private versioned and encrypted.

  assert {
    condition = (aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy
    && aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets)
    error_message = "Public access is not blocked."
  }
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "The bucket is not versioned."
  }
  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "Access control lists are in force."
  }
  assert {
    condition = (one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].kms_master_key_id
    == var.key_arn)
    error_message = "The bucket is not encrypted with the key."
  }
  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "The bucket can be deleted with what is in it."
  }

  # A bucket takes tls and its key only.

  assert {
    condition = anytrue([for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement :
    statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false" && statement.Action == "s3:*"])
    error_message = "Requests without TLS are not denied."
  }
  assert {
    condition = anytrue([for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement :
    statement.Effect == "Deny" && try(statement.Condition.StringNotEquals["s3:x-amz-server-side-encryption-aws-kms-key-id"], "") == var.key_arn])
    error_message = "Objects encrypted with another key are not denied."
  }
  # A negated test is true of an absent header, so without Null every upload that leaves it to the default would be denied.
  assert {
    condition = alltrue([for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement :
    try(keys(statement.Condition.Null)[0] == keys(statement.Condition.StringNotEquals)[0], statement.Sid == "TlsOnly")])
    error_message = "Uploads that leave encryption to the bucket's default are denied."
  }

  # Objects move to cheaper storage.

  assert {
    condition = toset([for transition in aws_s3_bucket_lifecycle_configuration.this.rule[0].transition :
    "${transition.storage_class} ${transition.days}"]) == toset(["STANDARD_IA 30", "GLACIER_IR 90"])
    error_message = "Objects do not move as asked for."
  }
}
