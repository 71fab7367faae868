# What an account would answer, and what AWS would give, so that a plan shows every policy whole.
provider "aws" {
  alias                       = "replica"
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = {
    account_id = "123456789012"
    arn        = "arn:aws:sts::123456789012:assumed-role/deployer/someone"
  }
}

override_data {
  target = data.aws_iam_session_context.deployer
  values = {
    issuer_arn = "arn:aws:iam::123456789012:role/deployer"
  }
}

override_resource {
  target          = aws_kms_key.this
  override_during = plan
  values = {
    arn    = "arn:aws:kms:eu-west-2:123456789012:key/the-key"
    key_id = "the-key"
  }
}

override_resource {
  target          = aws_api_gateway_rest_api.this
  override_during = plan
  values = {
    id            = "abc123"
    execution_arn = "arn:aws:execute-api:eu-west-2:123456789012:abc123"
  }
}
